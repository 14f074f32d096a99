"""The tutorial's job with requests: upload or imageUrl, img2img, polling, download. Reads SCENARIO_BASE_URL, _API_KEY, _API_SECRET."""

import base64
import functools
import http.server
import io
import os
import tempfile
import threading
import time

import numpy
import requests
from PIL import Image

BASE = os.environ["SCENARIO_BASE_URL"]
AUTH = (os.environ["SCENARIO_API_KEY"], os.environ["SCENARIO_API_SECRET"])
SIZE = (512, 384)
TIMEOUT = 30 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))


def picture():
    """A JPEG of 640 x 427 pixels with slopes, edges and grain. Its chroma has full size, because libraries enlarge chroma differently."""
    y, x = numpy.mgrid[0:427, 0:640]
    grain = numpy.random.default_rng(1).normal(0, 6, (427, 640, 3))
    pixels = numpy.stack([x * 255 / 640, y * 255 / 427, (x // 40 + y // 40) % 2 * 160 + 40], axis=2) + grain
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()


def check(what, fine):
    print(("ok    " if fine else "WRONG ") + what, flush=True)
    assert fine, what


def upload(image):
    data_url = "data:image/jpeg;base64," + base64.b64encode(image).decode()
    reply = requests.post(f"{BASE}/assets", json={"name": "picture.jpg", "image": data_url}, auth=AUTH, timeout=TIMEOUT)
    reply.raise_for_status()
    return reply.json()["asset"]["id"]


def generate(**fields):
    # As the tutorial writes it.
    payload = {
        "prompt": "a hand-painted stone wall",
        "strength": 0.55,
        "numSamples": 1,
        "guidance": 3.5,
        "numInferenceSteps": 28,
        "modelId": "flux.1-dev",
        "width": SIZE[0],
        "height": SIZE[1],
        "seed": "42",
        **fields,
    }
    reply = requests.post(f"{BASE}/generate/img2img", json=payload, auth=AUTH, timeout=TIMEOUT)
    reply.raise_for_status()
    check("the reply says that nothing was generated", reply.headers["X-Gesso-Sandbox"] == "nothing was generated")
    return reply.json()["job"]["jobId"]


def wait(job_id):
    seen = []
    deadline = time.monotonic() + 2 * TIMEOUT
    while time.monotonic() < deadline:
        reply = requests.get(f"{BASE}/jobs/{job_id}", auth=AUTH, timeout=TIMEOUT)
        reply.raise_for_status()
        job = reply.json()["job"]
        seen.append((job["status"], job["progress"]))
        if job["status"] in ("success", "failure", "canceled"):
            check(f"{job_id} ends well: {seen[-1]}", seen[-1] == ("success", 1))
            progress = [number for _, number in seen]
            check("progress never falls", progress == sorted(progress))
            return job["metadata"]["assetIds"]
        time.sleep(0.2)
    raise AssertionError(f"{job_id} did not end: {seen}")


def download(asset_id):
    reply = requests.get(f"{BASE}/assets/{asset_id}", params={"originalAssets": "true"}, auth=AUTH, timeout=TIMEOUT)
    reply.raise_for_status()
    asset = reply.json()["asset"]
    file = requests.get(asset["url"], timeout=TIMEOUT)
    file.raise_for_status()
    check(f"{asset_id} has the length it claims", len(file.content) == asset["properties"]["size"])
    leaked = requests.get(asset["url"], auth=AUTH, timeout=TIMEOUT)
    check("a file URL refuses credentials", leaked.status_code == 400)
    changed = requests.get(asset["url"][:-1] + ("A" if asset["url"][-1] != "A" else "B"), timeout=TIMEOUT)
    check("a changed file URL is denied", changed.status_code == 403 and b"Access Denied" in changed.content)
    image = Image.open(io.BytesIO(file.content))
    image.load()
    check(f"{asset_id} is {image.format} {image.size}", (image.format, image.size) == ("PNG", SIZE))
    return numpy.asarray(image.convert("RGB"), dtype=float)


def serve(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/picture.jpg"


def main():
    source = picture()
    resized = numpy.asarray(Image.open(io.BytesIO(source)).resize(SIZE, Image.Resampling.LANCZOS), dtype=float)

    def psnr(result):
        return 10 * numpy.log10(255**2 / ((result - resized) ** 2).mean())

    def correlation(result):
        return numpy.corrcoef(result.ravel(), resized.ravel())[0, 1]

    asset = upload(source)
    check("the same bytes again are another asset", upload(source) != asset)
    strengths = [0.01, 0.25, 0.5, 0.75, 1.0]
    # All jobs are started first, so that they run at the same time.
    by_strength = [generate(image=asset, strength=strength) for strength in strengths]
    variants = {
        "prompt": generate(image=asset, strength=1.0, prompt="a door"),
        "seed": generate(image=asset, strength=1.0, seed="43"),
        "index": generate(image=asset, strength=1.0, numSamples=2),
    }
    again = generate(image=asset, strength=1.0)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "picture.jpg"), "wb") as file:
            file.write(source)
        by_url = generate(imageUrl=serve(folder), strength=1.0)

    results = [download(wait(job)[0]) for job in by_strength]
    figures = [(psnr(result), correlation(result)) for result in results]
    for strength, (decibels, likeness) in zip(strengths, figures):
        print(f"      strength {strength}: PSNR {decibels:.1f} dB, correlation {likeness:.3f}")
    check("at least 35 dB at strength 0.01", figures[0][0] >= 35)
    check("correlation below 0.2 at strength 1", abs(figures[-1][1]) < 0.2)
    for column in zip(*figures):
        check("likeness falls with strength", list(column) == sorted(set(column), reverse=True))
    for what, job in variants.items():
        result = download(wait(job)[-1])
        check(f"another {what} is another picture", not numpy.array_equal(result, results[-1]))
    check("the same request is the same picture", numpy.array_equal(download(wait(again)[0]), results[-1]))
    check("imageUrl is the same picture", numpy.array_equal(download(wait(by_url)[0]), results[-1]))

    refused = requests.get(f"{BASE}/jobs", auth=(AUTH[0], "wrong"), timeout=TIMEOUT)
    check("a wrong secret is refused", refused.status_code == 401)
    foreign = requests.post(
        f"{BASE}/generate/img2img", auth=AUTH, timeout=TIMEOUT,
        json={"prompt": "p", "modelId": "flux.1-dev", "imageUrl": "http://192.0.2.1/picture.jpg"},
    )  # fmt: skip
    check("imageUrl beyond loopback is refused", foreign.status_code == 400)


main()
