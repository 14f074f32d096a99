"""Contenders that take turns. Every round calls each contender once, and the order changes from round to round."""
import json
import os
import re
import subprocess

# The description of the run and its samples by name, and the file that keeps them; None if nothing is kept.
kept, kept_in = {}, None


def keep(path, run):
    """Keeps the samples in a file from now on, and reads those that an interrupted run of the same description left there."""
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
    """Removes the kept samples, because the run has ended."""
    if os.path.exists(kept_in):
        os.unlink(kept_in)


class Warm:
    """One process that works once for each line that it receives."""

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
    """Measures contenders, which the functions in `makers` make, by name. Returns the samples of each, one for each round. A contender
    that fails is noted in `left_out`. If an interrupted run measured this name, it is not measured again."""
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
