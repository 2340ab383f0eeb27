"""Packaging.  The version is read, not imported: the dependencies are not there yet."""

from __future__ import annotations

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent


def version() -> str:
    source = (ROOT / "httpcore" / "__version__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    if match is None:
        raise SystemExit('httpcore/__version__.py has no line __version__ = "..."')
    return match[1]


setup(
    name="httpcore",
    version=version(),
    description="An HTTP client for Python, sync and async, with HTTP/1.1 and HTTP/2.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    packages=find_packages(include=["httpcore*"]),
    package_data={"httpcore": ["py.typed"]},
    zip_safe=False,
    python_requires=">=3.11",
    # Lower bounds only: a library that pins its dependencies' upper ends cannot be installed
    # beside others.  The ones that are not the first to work are the first to be safe:
    # certifi 2024.7.4 dropped a distrusted root, h11 0.16 checks chunk ends
    # (CVE-2025-43859), h2 4.4 refuses line ends in fields (CVE-2025-57804) and servers that
    # enable push, idna 3.7 takes linear time (CVE-2024-3651), and httptools before 0.6.4 reads
    # names with blanks in them.
    install_requires=[
        "certifi>=2024.7.4",
        "chardet>=5.0",
        "h11>=0.16",
        "h2>=4.4",
        "idna>=3.7",
        "rfc3986>=2.0",
    ],
    extras_require={
        "brotli": ["brotlipy>=0.7"],
        "psl": ["publicsuffixlist>=1.0.0.20240620"],
        "speedups": [
            "httptools>=0.6.4",
            "uvloop>=0.18; sys_platform != 'win32' and implementation_name == 'cpython'",
        ],
        "trio": ["trio>=0.29"],
        "zstd": ["backports.zstd>=1.0; python_version < '3.14'"],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: AsyncIO",
        "Framework :: Trio",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: Free Threading :: 1 - Unstable",
        "Programming Language :: Python :: Implementation :: CPython",
        "Topic :: Internet :: WWW/HTTP",
        "Typing :: Typed",
    ],
)
