"""`make image-check`: lint the Dockerfiles, build the gateway's image, run it and test it.

It needs no container engine: buildah builds the image (as root, on Debian), and it runs in a mount
namespace with a read-only root, no capabilities and the image's own user and command. The base
image is a stand-in of the same release with the same Python: docs/images.md states what that proves
and what it does not. `T=cpu` does the same with the CPU target of llm.Dockerfile and the embedded
model; it takes minutes and 15 GB of disk.
"""
