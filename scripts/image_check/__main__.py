"""Command line of the image check."""

import sys
import tempfile
import time
from pathlib import Path

from scripts.image_check import base, inspection, linting, trial
from scripts.image_check.command import CheckError, need_tools, remove, say
from scripts.image_check.store import BuildahStore
from scripts.image_check.target import CPU, GATEWAY, ImageTarget


def check(target: ImageTarget, store: BuildahStore) -> None:
    """Build one image and test it."""
    store.tag_base(base.stand_in(), base.name())
    begin = time.monotonic()
    store.build(target)
    say(f"{target.name}: built in {time.monotonic() - begin:.0f} s")
    config = store.config(target.name)
    inspection.check_config(config)
    with store.container(target.name) as system:
        inspection.check_content(system, target)
        say("configuration, labels, files and SBOM are correct")
        say(trial.run_image(target, config, system, store.folder))


def main(arguments: list[str]) -> int:
    target = CPU if arguments == ["cpu"] else GATEWAY
    work = Path(tempfile.mkdtemp(prefix="image-check-"))
    try:
        need_tools()
        linting.lint_dockerfiles(work)
        say("hadolint found nothing")
        linting.validate_compose_files()
        say("docker-compose understands both files, with every profile")
        check(target, BuildahStore(work))
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        remove(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
