"""Puts the library, which Scripts/make-wheel has built, into the wheel: GESSO_LIBRARY is its path."""
import os
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        library = os.environ.get("GESSO_LIBRARY")
        if not library:
            raise RuntimeError("set GESSO_LIBRARY to libgesso.so.0, or run make wheel")
        build_data["force_include"][library] = "gesso/libgesso.so.0"
        build_data["pure_python"] = False
        # No part of it depends on the version of Python.
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
