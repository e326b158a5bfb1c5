"""`make image-check`: lint the Dockerfiles, build the gateway's image, ask what comes out.

There is no container engine here, so buildah builds (as root, on Debian) and a mount namespace
runs: root file system read-only, no capability, the image's own user and command. The base image
is a stand-in of the same release with the same Python: docs/images.md says what that proves and
what it does not. `T=cpu` does the same to llm.Dockerfile's CPU target with the embedded model; it
takes minutes and 15 GB of disk.
"""
