#!/usr/bin/env python3
"""Writes the SBOM of a finished program, SPDX 2.3 as JSON: sbom.py NAME VERSION PROGRAM [HELPER] >NAME.spdx.json

The script finds the parts of the program itself: the Swift packages in Package.resolved, the toolchain of this machine, the libraries that
the program is linked to (readelf) and those that it opens by name (.so names in its text). A library has the version of its Debian package.
Only licenses are listed by hand: those of statically linked parts in Packaging/debian/copyright, those of libraries below. If a part has no
license, the script ends with an error. The same files give the same bytes; the date is SOURCE_DATE_EPOCH."""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# Licenses of the libraries that are not in the program.
LIBRARY_LICENSES = {
    "ld-linux-x86-64": "LGPL-2.1-or-later", "ld-linux-aarch64": "LGPL-2.1-or-later", "libc": "LGPL-2.1-or-later", "libm": "LGPL-2.1-or-later",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1", "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libcrypto": "Apache-2.0", "libcurl": "curl", "libcurl-gnutls": "curl", "libheif": "LGPL-3.0-or-later", "libisal": "BSD-3-Clause",
    "libjpeg": "IJG AND BSD-3-Clause AND Zlib", "liblcms2": "MIT", "libpng16": "libpng-2.0", "libsqlite3": "blessing",
    "libtiff": "libtiff", "libwebp": "BSD-3-Clause", "libwebpdecoder": "BSD-3-Clause",
    "libz": "Zlib",
}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def static_licenses():
    """The license of each statically linked component as SPDX writes it, by the component's name."""
    found = {}
    for stanza in (ROOT / "Packaging/debian/copyright").read_text().split("\n\n"):
        files = re.match(r"Files: (\S+?)(/\*)?\n", stanza)
        if files:
            text = re.search(r"^License: (.*)$", stanza, re.MULTILINE)[1]
            # The file contains the full text of the licenses that it calls "and others".
            found[files[1]] = text.replace(" with ", " WITH ").replace(" and others", " AND LicenseRef-ICU-notices")
    return found


def package(name, version, license, url="NOASSERTION", locator=None, **more):
    identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
    described = {
        "SPDXID": identity, "name": name, "versionInfo": version, "downloadLocation": url, "filesAnalyzed": False,
        "licenseConcluded": license, "licenseDeclared": license, "copyrightText": "NOASSERTION", **more}
    if locator:
        described["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]
    return described


def linked_libraries(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--dynamic", program))


def opened_libraries(program):
    """The libraries that the program opens: names such as libwebp.so.7 among its texts, without the libraries that it is linked to."""
    texts = re.findall(r"^lib[a-z0-9+-]+\.so\.\d+$", output("strings", "-a", program), re.MULTILINE)
    return sorted(set(texts) - set(linked_libraries(program)))


def library(soname):
    """The Debian package of a library, or None if the library is not installed here."""
    name = soname.split(".so")[0]
    license = LIBRARY_LICENSES.get(name)
    if not license:
        sys.exit(f"sbom.py: no license is known of {soname}: add it to LIBRARY_LICENSES")
    lines = output("ldconfig", "-p").splitlines()
    paths = [line.split(" => ")[1] for line in lines if line.strip().split(" ")[0] == soname]
    if not paths:
        return None
    # If /lib is a link to /usr/lib, a package lists the library under either path.
    path = os.path.realpath(paths[0])
    for candidate in (path, path.removeprefix("/usr")):
        owner = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True)
        if owner.returncode == 0:
            break
    else:
        sys.exit(f"sbom.py: no Debian package has {path}")
    debian = owner.stdout.split(":")[0]
    version, architecture, source = output(
        "dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package}\n", debian).splitlines()[0].split("\t")
    return package(
        debian, version, license, f"https://packages.debian.org/source/{source}",
        f"pkg:deb/debian/{quote(debian)}@{quote(version)}?arch={architecture}", comment="A library of the system.")


def swift_packages(licenses):
    for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]:
        name, address, state = pin["identity"], pin["location"], pin["state"]
        if name not in licenses:
            sys.exit(f"sbom.py: Packaging/debian/copyright has no stanza for {name}")
        yield package(
            name, state["version"], licenses[name], f"git+{address}@{state['revision']}",
            f"pkg:swift/{address.removeprefix('https://').removesuffix('.git')}@{state['version']}")


def toolchain(licenses):
    target = json.loads(output("swift", "-print-target-info"))
    version = re.search(r"Swift version (\S+)", target["compilerVersion"])[1]
    yield package("swift", version, licenses["swift"], "https://www.swift.org/download",
                  comment="The runtime, the standard library, Dispatch and Foundation.")
    archive = Path(target["paths"]["runtimeResourcePath"]).parent / "swift_static/linux/lib_FoundationICU.a"
    icu = re.search(r"icudt(\d+)l", output("strings", "-a", str(archive)))
    yield package("swift-foundation-icu", icu[1], licenses["swift-foundation-icu"], "https://github.com/swiftlang/swift-foundation-icu")


def document(name, version, program, helper):
    licenses = static_licenses()
    own = package(
        name, version, licenses["*"], primaryPackagePurpose="APPLICATION", packageFileName=Path(program).name,
        checksums=[{"algorithm": "SHA256", "checksumValue": hashlib.sha256(Path(program).read_bytes()).hexdigest()}])
    packages, relationships = {own["SPDXID"]: own}, set()

    def relate(other, kind, owner=own):
        packages.setdefault(other["SPDXID"], other)
        relationships.add((owner["SPDXID"], kind, other["SPDXID"]))

    for other in [*swift_packages(licenses), *toolchain(licenses)]:
        relate(other, "STATIC_LINK")
    profile = "CGATS001Compat-v2-micro.icc"
    relate(package(profile, "2", licenses[f"Sources/ImagePreparation/Finish/{profile}"],
                   "https://github.com/saucecontrol/Compact-ICC-Profiles"), "CONTAINS")
    for soname in linked_libraries(program):
        relate(library(soname), "DYNAMIC_LINK")
    opened = [library(soname) for soname in opened_libraries(program)]
    for other in filter(None, opened):
        relate(other, "DYNAMIC_LINK")
        packages[other["SPDXID"]]["comment"] = "A library of the system, opened when it is first used."
    if helper:
        process = package(
            "gesso-decode", version, licenses["*"], primaryPackagePurpose="APPLICATION", packageFileName=Path(helper).name,
            checksums=[{"algorithm": "SHA256", "checksumValue": hashlib.sha256(Path(helper).read_bytes()).hexdigest()}])
        packages[process["SPDXID"]] = process
        relationships.add((process["SPDXID"], "OPTIONAL_COMPONENT_OF", own["SPDXID"]))
        for soname in linked_libraries(helper):
            relate(library(soname), "DYNAMIC_LINK", owner=process)

    date = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    icu = (ROOT / "Packaging/debian/copyright").read_text().split("License: Unicode-3.0 and others\n")[-1]
    content = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{name}-{version}",
        "creationInfo": {"created": date.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": [f"Tool: {name}-make-sbom-{version}"]},
        "hasExtractedLicensingInfos": [{
            "licenseId": "LicenseRef-ICU-notices", "name": "Notices of ICU and of the dictionaries within it", "extractedText": icu}],
        "packages": [packages[identity] for identity in sorted(packages)],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": own["SPDXID"]},
            *({"spdxElementId": first, "relationshipType": kind, "relatedSpdxElement": second}
              for first, kind, second in sorted(relationships))],
    }
    # The address must belong to this document only, and must be the same whenever the document is made again.
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    content["documentNamespace"] = f"https://spdx.org/spdxdocs/{name}-{version}-{digest[:32]}"
    return content


if len(sys.argv) not in (4, 5):
    sys.exit("usage: Packaging/sbom.py NAME VERSION PROGRAM [HELPER]")
print(json.dumps(document(*sys.argv[1:4], sys.argv[4] if len(sys.argv) == 5 else None), indent=2, sort_keys=True, ensure_ascii=False))
