"""Contenders that take turns: every round calls each of them once, in an order that turns."""
import json
import os
import re
import subprocess

# What was run and its samples by the names of what was measured, and the file that they are in; none where nothing is kept.
kept, kept_in = {}, None


def keep(path, run):
    """From now on the samples are kept in a file, and those that an interrupted run of the same description left there are taken."""
    global kept, kept_in
    kept_in = path
    try:
        with open(path) as file:
            before = json.load(file)
        kept = before["samples"] if before["run"] == run else {}
    except (OSError, ValueError, KeyError):
        kept = {}
    kept = {"run": run, "samples": kept}


def forget():
    """The run has ended: nothing is kept."""
    if os.path.exists(kept_in):
        os.unlink(kept_in)


class Warm:
    """One process that works once for each line it is sent."""

    def __init__(self, command, result=None):
        self.result = result
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().strip().splitlines()[-1:])
        return json.loads(line)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        sample = self.answer()
        peak = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())
        return sample | {"rssKiB": int(peak.group(1))}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def in_turns(left_out, name, makers, rounds):
    """`makers`: name of a contender: function that makes it. Returns the samples of each, one a round. A contender that fails is
    noted in `left_out`. What an interrupted run measured is not measured again."""
    if kept_in and name in kept["samples"]:
        print(f"{name}: measured before the interruption", flush=True)
        return kept["samples"][name]
    contenders, samples = {}, {}
    print(f"{name}: ", end="", flush=True)
    for who, make in makers.items():
        try:
            contenders[who] = make()
            contenders[who].run()  # warm: files in the page cache, code loaded
            samples[who] = []
        except (RuntimeError, OSError) as error:
            contenders.pop(who, None)
            left_out[f"{name}: {who}"] = str(error)
    for r in range(rounds):
        names = list(contenders)
        names = names[r % len(names):] + names[:r % len(names)]
        for who in names:
            samples[who].append(contenders[who].run())
    for contender in contenders.values():
        contender.close()
    print(", ".join(f"{who} {min(s['ms'] for s in runs):.1f}" for who, runs in samples.items()), flush=True)
    if kept_in and not any(what.startswith(f"{name}: ") for what in left_out):
        kept["samples"][name] = samples
        with open(kept_in + ".new", "w") as file:
            json.dump(kept, file)
        os.replace(kept_in + ".new", kept_in)
    return samples
