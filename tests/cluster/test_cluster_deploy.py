"""The files of deploy/ start what they say: parsed, held against Kubernetes' schemas, and where it can be, run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from kpgeo.options.pipeline import Pipeline

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_SCRIPTS = [_DEPLOY / "slurm" / "kpgeo.sbatch", _DEPLOY / "hosted" / "run.sh"]
_DASK = "kubernetes.dask.org/v1"

Document = dict[str, Any]


def _documents() -> Iterator[tuple[str, Document]]:
    for path in sorted((_DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield f"{path.name}:{document['kind']}", document


def _pods() -> Iterator[tuple[str, Document, Document]]:
    """Yield name, labels and specification of every pod that the files ask for."""
    for name, document in _documents():
        spec = document.get("spec", {})
        cluster = spec["cluster"]["spec"] if document["kind"] == "DaskJob" else spec
        if document["apiVersion"] == _DASK:
            for part in ("worker", "scheduler"):
                yield f"{name}:{part}", cluster[part]["metadata"]["labels"], cluster[part]["spec"]
        if document["kind"] == "DaskJob":
            yield f"{name}:job", spec["job"]["metadata"]["labels"], spec["job"]["spec"]
        if document["kind"] == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]
            yield name, template["metadata"]["labels"], template["spec"]


@pytest.mark.parametrize("document", [pytest.param(one, id=name) for name, one in _documents()])
def test_what_kubernetes_is_given_is_of_its_schema(document: Document) -> None:
    if document["apiVersion"] == _DASK:
        pytest.skip("a resource of the Dask operator: its pods and service are checked below")
    kubernetes_validate.validate(document, "1.33", strict=True)


@pytest.mark.parametrize(("labels", "spec"), [pytest.param(labels, spec, id=name) for name, labels, spec in _pods()])
def test_every_pod_is_of_the_schema_and_has_few_rights(labels: Document, spec: Document) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "labels": labels}, "spec": spec}
    kubernetes_validate.validate(pod, "1.33", strict=True)
    assert labels == {"app": "kpgeo"}, "or the network policy does not hold for it"
    assert spec["securityContext"]["runAsNonRoot"]
    (container,) = spec["containers"]
    assert container["resources"]["limits"]["memory"]
    assert container["image"] == "registry.example/kpgeo:0.1.0"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["workspace"] == "/workspace", "every process sees the workspace at the same path"
    assert set(mounts) == {volume["name"] for volume in spec["volumes"]}


def test_the_driver_asks_the_scheduler_that_there_is() -> None:
    clusters = {"kpgeo", "kpgeo-first"}
    named = {
        document["metadata"]["name"]: document["spec"].get("cluster", document)["spec"]["scheduler"]["service"]
        for _, document in _documents()
        if document["apiVersion"] == _DASK
    }
    assert set(named) == clusters
    for name, service in named.items():
        full = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-scheduler"}, "spec": service}
        kubernetes_validate.validate(full, "1.33", strict=True)
        assert service["type"] == "ClusterIP", "the scheduler is not to be reached from outside"
        assert service["selector"]["dask.org/cluster-name"] == name
    text = {path.stem: path.read_text(encoding="utf-8") for path in (_DEPLOY / "kubernetes").glob("*.yaml")}
    assert "tcp://kpgeo-scheduler:8786" in text["kpgeo-northern-cote-divoire"]
    assert "tcp://kpgeo-first-scheduler:8786" in text["once"]


def test_the_pipeline_of_the_config_map_is_one(tmp_path: Path) -> None:
    (content,) = (one["data"]["pipeline.toml"] for _, one in _documents() if one["kind"] == "ConfigMap")
    path = tmp_path / "pipeline.toml"
    path.write_text(content, encoding="utf-8")
    assert Pipeline.read(path).name == "northern-cote-divoire"


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_bash(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert os.access(path, os.X_OK)


_SRUN = """#!/usr/bin/env bash
# Stands in for Slurm's: starts a command as many times as it is told to, on this machine.
for option in "$@"; do
    case $option in
    --ntasks=*) tasks=${option#*=} ;;
    --*) ;;
    *) break ;;
    esac
    shift
done
children=()
trap 'kill "${children[@]}"; wait; exit 0' TERM
for _ in $(seq "$tasks"); do "$@" & children+=($!); done
wait
"""


@pytest.mark.long
def test_the_batch_script_runs_a_pipeline_on_its_own_cluster(
    small_world: Path, fitted: Path, watched: Path, tmp_path: Path, fingerprint_of: Callable[[Path, Path], Any]
) -> None:
    workspace = Path(shutil.copytree(fitted, tmp_path / "workspace"))
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(_SRUN, encoding="ascii")
    srun.chmod(0o755)
    path = os.pathsep.join([str(srun.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    named = {"PATH": path, "SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "KPGEO_WORKER_MEMORY": "1GiB"}
    done = subprocess.run(
        [str(_SCRIPTS[0]), str(small_world / "pipeline.toml"), str(workspace)],
        env={**os.environ, **named, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert '"verdict": "changes"' in done.stdout
    assert fingerprint_of(small_world, workspace) == fingerprint_of(small_world, watched)
    assert "tls://" in done.stderr
    assert "tcp://" not in done.stderr, "nothing goes between nodes in the clear"
    assert not list(workspace.glob(".dask-*")), "no key is left behind"


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Return a folder of what passes for certificates."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in ("ca", "certificate", "key"):
        (folder / f"{name}.pem").write_text("x", encoding="ascii")
        (folder / f"{name}.pem").chmod(0o600)
    return folder


def _hosted(tmp_path: Path, address: str, certificates: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script of hosted clusters with a kpgeo that says how it was called."""
    stub = tmp_path / "bin" / "kpgeo"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text('#!/bin/sh\necho "$@"\nenv | grep ^DASK_ | sort\n', encoding="ascii")
    stub.chmod(0o755)
    return subprocess.run(
        [str(_SCRIPTS[1]), address, str(certificates), "p.toml", "/shared/w"],
        env={"PATH": os.pathsep.join([str(stub.parent), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_hosted_cluster_is_spoken_to_with_certificates(tmp_path: Path, certificates: Path) -> None:
    done = _hosted(tmp_path, "tls://scheduler.example:8786", certificates)
    assert done.returncode == 0, done.stderr
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    assert done.stdout.splitlines() == [
        "run p.toml --workspace /shared/w --cluster tls://scheduler.example:8786 --json",
        f"{tls}CA_FILE={certificates}/ca.pem",
        f"{tls}CLIENT__CERT={certificates}/certificate.pem",
        f"{tls}CLIENT__KEY={certificates}/key.pem",
    ]


@pytest.mark.fault(44)
def test_a_hosted_cluster_in_the_clear_or_without_keys_is_refused(tmp_path: Path, certificates: Path) -> None:
    assert "is not encrypted" in _hosted(tmp_path, "tcp://scheduler.example:8786", certificates).stderr
    (certificates / "key.pem").chmod(0o644)
    open_key = _hosted(tmp_path, "tls://scheduler.example:8786", certificates)
    assert (open_key.returncode, "read by others" in open_key.stderr) == (2, True)
    (certificates / "ca.pem").unlink()
    assert "ca.pem is missing" in _hosted(tmp_path, "tls://scheduler.example:8786", certificates).stderr
