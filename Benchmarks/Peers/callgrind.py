"""Counts the instructions of one run of Measure under callgrind, with the baseline kernels."""
import os
import re
import subprocess


def prepared(measure, work):
    """A copy of Measure that valgrind can read, in the folder `work`, and the symbol of the function that it measures."""
    copy = f"{work}/measure"  # valgrind 3.19 cannot read the compiler's debug information
    subprocess.run(["strip", "--strip-debug", "-o", copy, measure], check=True)
    names = subprocess.run(["nm", copy], check=True, capture_output=True, text=True).stdout
    return copy, re.search(r"\S*7Measure11runMeasured\S*", names).group(0)


def counted(measure, symbol, arguments, work):
    """The figures of one run of `measure`, only of the function that it measures. A figure that could not be measured is left out."""
    profile = f"{work}/callgrind.out"
    done = subprocess.run(
        ["valgrind", "-q", "--tool=callgrind", f"--toggle-collect={symbol}", f"--callgrind-out-file={profile}", measure, *arguments],
        input="\n", capture_output=True, text=True, env=os.environ | {"GESSO_ISA": "baseline", "SWIFT_DETERMINISTIC_HASHING": "1"})
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        return {}
    figures = {name: int(value) for name, value in re.findall(r'"(\w+)":(\d+)[,}]', done.stdout.splitlines()[-1])}
    totals = re.search(r"^totals: (\d+)$", open(profile).read(), re.MULTILINE)
    return figures | ({"instructions": int(totals.group(1))} if totals else {})
