"""Schemathesis with the OpenAPI file, fixed seeds: no server error, no schema violation, and every operation that is served
returned its 2xx at least 20 times, so that a server that refuses everything fails. Reads SCENARIO_BASE_URL, _API_KEY, _API_SECRET."""

import collections
import json
import os
import subprocess
import sys
import tempfile

import requests
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "../../Sources/ScenarioSandbox/scenario-openapi.yaml")
BASE = os.environ["SCENARIO_BASE_URL"]
AUTH = (os.environ["SCENARIO_API_KEY"], os.environ["SCENARIO_API_SECRET"])
# The operations of upload, img2img, polling and download: a sandbox without one of them fails.
NEEDED = {
    "uploadAsset", "getAsset", "createUpload", "actOnUpload", "getUpload", "getModel", "generateImg2Img", "generateCustom",
    "generateInpaint", "generateControlnet", "generateControlnetImg2Img", "getJob", "listJobs", "actOnJob", "getAssetsBulk",
}  # fmt: skip
LEAST = 20
TIMEOUT = 30 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))


def served():
    """The operations to which the sandbox does not reply with status 501."""
    with open(DOCUMENT) as file:
        paths = yaml.safe_load(file)["paths"]
    operations = []
    for path, methods in paths.items():
        for method, operation in methods.items():
            url = BASE + path.replace("{", "").replace("}", "")
            if requests.request(method, url, json={}, auth=AUTH, timeout=TIMEOUT).status_code != 501:
                operations.append(operation["operationId"])
    return operations


def run(folder, operations, *options):
    """Exit status of schemathesis for these operations, and how often each replied with each status."""
    counts_file = os.path.join(folder, "counts.json")
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", os.path.abspath(DOCUMENT),
        "--url", BASE, "--auth", ":".join(AUTH), "--request-timeout", str(TIMEOUT), *options,
        # A body that satisfies the schema may still name an unknown asset or hold no image (contract §14).
        "--exclude-checks", "positive_data_acceptance",
        "--generation-database", "none", "--continue-on-failure", "--warnings", "off", "--no-color",
    ]  # fmt: skip
    for operation in operations:
        command += ["--include-operation-id", operation]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": HERE, "CONFORMANCE_COUNTS": counts_file,
    }  # fmt: skip
    status = subprocess.run(command, env=environment, cwd=folder).returncode
    with open(counts_file) as file:
        return status, collections.Counter(json.load(file))


def lacking(operation, counts):
    """Sentences about successes of an operation that are missing."""
    good = sum(n for name, n in counts.items() if name.startswith(operation + " 2"))
    faults = [f"{operation} returned 2xx {good} times, not {LEAST}"] if good < LEAST else []
    if operation in ("generateImg2Img", "generateCustom"):
        for status, what in ((200, "jobs"), (269, "dry runs")):
            number = counts[f"{operation} {status}"]
            if number < LEAST:
                faults.append(f"{number} {what} of {operation}, not {LEAST}")
    return faults


def main():
    operations = served()
    missing = NEEDED - set(operations)
    if missing:
        sys.exit(f"not served: {missing}")
    with tempfile.TemporaryDirectory() as folder:
        status, counts = run(folder, operations, "--seed", "20260921", "--max-examples", "60")
        # The number of valid requests for an operation depends on the ids and times of the sandbox. An operation with too few
        # successes is tried once more, with valid requests only.
        if short := [operation for operation in operations if lacking(operation, counts)]:
            options = "--seed", "20260922", "--max-examples", "100", "--mode", "positive", "--phases", "fuzzing"
            again, more = run(folder, short, *options)
            status, counts = status or again, counts + more

    print("replies by operation and status:")
    for name in sorted(counts):
        print(f"  {counts[name]:5d} {name}")
    faults = [f"schemathesis found failures (exit {status})"] if status else []
    for operation in operations:
        faults += lacking(operation, counts)
    faults += [f"{name}: {n}" for name, n in counts.items() if name.split()[-1].startswith("5")]
    if not counts.get("linked result"):
        faults.append("no link from upload to job to result was followed to its end")
    if faults:
        sys.exit("\n".join(faults))


main()
