"""Hooks for schemathesis: real ids and images in place of made-up ones, links from upload to job to asset, and counts.

A fuzzer cannot guess the id of an asset or make a PNG. If a request contains a made-up value that satisfies the schema, a value
that the sandbox knows usually replaces it. Values that violate the schema stay, so that requests that must be refused still are.
"""

import atexit
import base64
import collections
import io
import json
import os
import re
import time
import zlib

import requests
import schemathesis
from PIL import Image

BASE = os.environ["SCENARIO_BASE_URL"]
AUTH = (os.environ["SCENARIO_API_KEY"], os.environ["SCENARIO_API_SECRET"])
TIMEOUT = 30 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))  # for a reply, and for a job of the sandbox, which takes 3 s
ENDED = ("success", "failure", "canceled")
WAITS = 5  # the number of jobs whose end is awaited, so that the link to their result can be followed

counts = collections.Counter()
free_texts = set()  # query parameters that take any text
waits = 0


def post(path, body):
    reply = requests.post(BASE + path, json=body, auth=AUTH, timeout=TIMEOUT)
    reply.raise_for_status()
    return reply.json()


def image(width, height, kind):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, kind)
    return file.getvalue()


def start_job(**fields):
    body = {"modelId": "flux.1-dev", "prompt": "p", "image": assets[0], "width": 64, "height": 64, "numSamples": 1}
    return post("/generate/img2img", body | fields)["job"]["jobId"]


def read_job(job):
    return requests.get(f"{BASE}/jobs/{job}", auth=AUTH, timeout=TIMEOUT).json()["job"]


def wait_for(job):
    """The job after its end, or its present state if it takes too long."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        read = read_job(job)
        if read["status"] in ENDED or time.monotonic() > deadline:
            return read
        time.sleep(0.2)


images = [base64.b64encode(image(w, h, kind)).decode() for w, h, kind in [(8, 8, "PNG"), (33, 17, "JPEG"), (1, 1, "PNG")]]
images += ["data:image/png;base64," + images[0]]
assets = [post("/assets", {"name": "a.png", "image": data})["asset"]["id"] for data in images]
jobs = [start_job(numSamples=2), start_job(seed="1")]
for job in jobs:
    ended = wait_for(job)
    assert ended["status"] == "success", ended
    assets += ended["metadata"]["assetIds"]

MADE_UP = re.compile(r"^(?!(?:asset|job)_[0-9A-Za-z]{22}$)[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", re.ASCII)

JOB = re.compile(r"^job_[0-9A-Za-z]{22}$", re.ASCII)
LEGACY = ["generateImg2Img", "generateInpaint", "generateControlnet", "generateControlnetImg2Img"]
MODELS = ["flux.1-dev", "model_bfl-flux-1-dev"]


def is_made_up(value):
    return isinstance(value, str) and MADE_UP.match(value) is not None


def is_valid_id(value):
    return is_made_up(value) or value in jobs or value in MODELS


def is_ended(job):
    """True for a made-up job, and for a job that cannot be canceled any more: schemathesis repeats ids that it saw in replies."""
    if is_made_up(job) or job in jobs:
        return True
    if not isinstance(job, str) or not JOB.match(job):
        return False
    read = read_job(job)
    return read["jobType"] == "custom" or read["status"] in ENDED


def known(kind, value, draw):
    """Replaces a made-up id by one that the sandbox knows, in seven of eight cases."""
    if not is_made_up(value) or draw % 8 == 0:
        return value
    if kind == "modelId":
        return MODELS[draw % 2]
    pool = assets if kind == "assetId" else jobs
    return pool[draw % len(pool)]


def substitute(operation, case, draw):
    path = case.path_parameters or {}
    for name in ("assetId", "jobId", "modelId"):
        if name in path:
            path[name] = known(name, path[name], draw)
    if operation in LEGACY and (case.query or {}).get("dryRun") in ("true", "api") and draw % 2:
        del case.query["dryRun"]
    body = case.body
    if not isinstance(body, dict):
        return
    if operation == "actOnJob" and body.get("action") == "cancel" and draw % 4 and is_ended(path.get("jobId")):
        path["jobId"] = start_job()  # only a job that runs, of the legacy family, can be canceled
    if operation == "uploadAsset" and isinstance(body.get("image"), str) and draw % 4:
        body["image"] = images[draw % len(images)]
    if operation == "getAssetsBulk" and isinstance(body.get("assetIds"), list):
        body["assetIds"] = [known("assetId", value, draw + i) for i, value in enumerate(body["assetIds"])]
    if operation == "generateCustom" and draw % 8 and is_valid_id(path.get("modelId")):
        if draw % 3 == 0 and (case.query or {}).get("dryRun") is None:
            case.query = (case.query or {}) | {"dryRun": "true"}
        path["modelId"] = "model_bfl-flux-1-dev"
        # The document leaves the body to the model's list of inputs, which no fuzzer knows.
        body.clear()
        body.update(prompt="p", image=assets[draw % len(assets)], width=128 + 16 * (draw % 4), height=128, numOutputs=1 + draw % 2)
        if draw % 3:
            body.update(strength=(1 + draw % 100) / 100, seed=draw % 2**31)
    if operation in LEGACY and draw % 8:
        if isinstance(body.get("modelId"), str) and body["modelId"]:
            body["modelId"] = "flux.1-dev"
        # The document lists the modalities in words only.
        if isinstance(body.get("modality"), str) and body["modality"]:
            body["modality"] = ("canny", "depth", "pose")[draw % 3]
        for name in ("image", "imageId", "mask", "maskId", "controlImage", "controlImageId"):
            if isinstance(body.get(name), str) and body[name] and body[name] not in assets:
                body[name] = assets[draw % len(assets)]
        # Valid sizes and counts stay valid and become small: the run is about replies, not about drawing.
        for name in ("width", "height"):
            value = body.get(name, 64)
            if type(value) is int and 64 <= value <= 2048 and value % 8 == 0:
                body[name] = 64 + value % 64
        value = body.get("numSamples", 1)
        if type(value) is int and 1 <= value <= 128:
            body["numSamples"] = 1 + value % 3


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    """Adds links that the document leaves out: from an upload to a job, and from a job to its source and results."""
    paths = raw_schema["paths"]
    for methods in paths.values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if "$ref" in parameter:
                    parameter = raw_schema["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
                schema = parameter["schema"]
                if parameter["in"] == "query" and schema.get("items", schema) == {"type": "string"}:
                    free_texts.add(parameter["name"])
    body = {"modelId": "flux.1-dev", "prompt": "p", "image": "$response.body#/asset/id", "width": 64, "height": 64}
    paths["/assets"]["post"]["responses"]["200"]["links"]["Generate"] = {
        "operationId": "generateImg2Img",
        "requestBody": body,
    }
    paths["/jobs/{jobId}"]["get"]["responses"]["200"]["links"] = {
        "ReadSource": {
            "operationId": "getAsset",
            "parameters": {"assetId": "$response.body#/job/metadata/input/image"},
        },
        "ReadResult": {
            "operationId": "getAsset",
            "parameters": {"assetId": "$response.body#/job/metadata/assetIds/0"},
        },
    }


@schemathesis.hook
def before_call(ctx, case, kwargs):
    global waits
    operation = case.operation.definition.raw["operationId"]
    draw = zlib.crc32(json.dumps([case.path_parameters, case.body], sort_keys=True, default=str).encode())
    substitute(operation, case, draw)
    if operation == "getJob" and is_fresh(case) and waits < WAITS:
        waits += 1
        wait_for(case.path_parameters["jobId"])


def is_fresh(case):
    """True for a job that a link led to."""
    job = (case.path_parameters or {}).get("jobId")
    return isinstance(job, str) and job not in jobs and not is_made_up(job)


@schemathesis.hook
def after_call(ctx, case, response):
    operation = case.operation.definition.raw["operationId"]
    counts[f"{operation} {response.status_code}"] += 1
    if operation == "getJob" and response.status_code == 200 and is_fresh(case):
        status = response.json()["job"]["status"]
        counts[f"linked job {status}"] += 1
    if operation == "getAsset" and response.status_code == 200:
        asset = response.json()["asset"]
        if asset["metadata"]["type"] != "uploaded" and asset["id"] not in assets:
            counts["linked result"] += 1


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """Drops the failure "accepted what the schema forbids" if nothing forbidden was sent.

    By the contract, query parameters and headers that the document does not name are ignored. Any value in a query parameter of free
    text is text once it is in a URL. And a link may put a field back into a body from which it was removed.
    """
    if type(failure).__name__ != "AcceptedNegativeData":
        return True
    faults = re.findall(
        r"^ *- (\w+): violates `(\w+)`(?: at /properties/(\w+))?(?: \(was (\w+)\))?", failure.message, re.MULTILINE
    )
    sent = case.body if isinstance(case.body, dict) else {}
    harmless = [
        part == "header" or keyword == "additionalProperties" or (keyword == "type" and name in free_texts)
        if part in ("header", "query")
        else keyword == "required" and not name and missing in sent
        for part, keyword, name, missing in faults
        if part in ("header", "query") or missing
    ]
    return not faults or len(harmless) < len(faults) or not all(harmless)


@atexit.register
def write_counts():
    with open(os.environ["CONFORMANCE_COUNTS"], "w") as file:
        json.dump(counts, file)
