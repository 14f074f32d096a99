"""The service's official Python SDK against the sandbox, unchanged: upload (small and in parts), price, job, download, with
every reply checked against the SDK's own models. Reads SCENARIO_BASE_URL, SCENARIO_SDK_API_KEY, SCENARIO_SDK_API_SECRET."""

import base64
import os
import struct
import time
import zlib

import httpx
from scenario_sdk import APIStatusError, NotFoundError, Scenario

MODEL = "model_bfl-flux-1-dev"
SIZE = (128, 96)
TIMEOUT = 30 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))


def picture(width, height, padding=0):
    """A PNG of slopes; padding goes into a chunk that decoders skip."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, 128)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    extra = chunk(b"paDd", bytes(padding)) if padding else b""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def check(what, fine):
    print(("ok    " if fine else "WRONG ") + what, flush=True)
    assert fine, what


def png_size(data):
    check("the result is a PNG", data[:8] == b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def upload_in_parts(client, data, part_size):
    parts = [data[start : start + part_size] for start in range(0, len(data), part_size)]
    upload = client.uploads.create(
        file_name="big.png", file_size=len(data), content_type="image/png", kind="image", parts=len(parts)
    ).upload
    check("an address for every part", [part.number for part in upload.parts] == list(range(1, len(parts) + 1)))
    for part, content in zip(upload.parts, parts):
        httpx.put(part.url, content=content, timeout=TIMEOUT).raise_for_status()
    client.uploads.trigger_action(upload.id, action="complete")
    for _ in range(20):
        upload = client.uploads.retrieve(upload.id).upload
        if upload.entity_id:
            return upload.entity_id
        check(f"it is on its way: {upload.status}", upload.status in ("validating", "validated"))
        time.sleep(0.1)
    raise AssertionError(f"never imported: {upload}")


def main():
    # Base URL and credentials from the environment; replies that differ from the SDK's types are errors.
    client = Scenario(_strict_response_validation=True, max_retries=0)
    data_url = "data:image/png;base64," + base64.b64encode(picture(*SIZE)).decode()
    small = client.assets.upload(name="a.png", image=data_url).asset
    check("an uploaded image", small.kind == "image" and small.id.startswith("asset_"))
    big = upload_in_parts(client, picture(*SIZE, padding=9 << 20), 5 << 20)

    model = client.models.retrieve(MODEL).model
    names = {field.name for field in model.inputs}
    check("the model publishes its inputs", {"prompt", "image", "strength", "seed"} <= names)
    body = {"prompt": "a wall", "image": small.id, "width": SIZE[0], "height": 96 + 32, "seed": 7, "strength": 0.5}
    price = client.generate.with_raw_response.run_model(MODEL, body=body, dry_run="true")
    check("a price is 269", price.status_code == 269 and price.json()["creativeUnitsCost"] > 0)

    for image in (small.id, big):
        job = client.generate.run_model(MODEL, body=body | {"image": image}).job
        deadline = time.monotonic() + 2 * TIMEOUT
        while job.status not in ("success", "failure", "canceled"):
            assert time.monotonic() < deadline, job
            time.sleep(0.3)
            job = client.jobs.retrieve(job.job_id).job
        check(f"{job.job_id} ends well", job.status == "success" and job.progress == 1)
        result = client.assets.retrieve(job.metadata.asset_ids[0], original_assets=True).asset
        file = httpx.get(result.url, timeout=TIMEOUT).raise_for_status().content
        check("its result has the size asked for", png_size(file) == (SIZE[0], 96 + 32))
        check("and the length it claims", len(file) == result.properties.size)
    found = client.assets.get_bulk(asset_ids=[small.id, big, "asset_none"]).assets
    check("many assets at once", [asset.id for asset in found] == [small.id, big])
    listed = [job.job_id for job in client.jobs.list(page_size=1)]
    check("the list goes on from page to page", job.job_id in listed and len(listed) >= 2)

    try:
        client.jobs.retrieve("job_none")
        check("an unknown job is refused", False)
    except NotFoundError:
        check("an unknown job is refused", True)
    try:
        client.generate.run_model(MODEL, body=body | {"width": 130})
        check("a size off the grid is refused", False)
    except APIStatusError as error:
        check("a size off the grid is refused", error.status_code == 400 and "width" in str(error))


main()
