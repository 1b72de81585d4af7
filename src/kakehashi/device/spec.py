"""What a user writes under ``[device]``, and the names that can stand there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import pydantic

from kakehashi.core.errors import InputError
from kakehashi.core.files import sha256_of
from kakehashi.core.registry import Registry
from kakehashi.core.spec import Spec, parse_spec
from kakehashi.device.device_spec import MAX_SHOTS, DeviceSpec
from kakehashi.device.exact import ExactDevice
from kakehashi.device.file import FileDevice
from kakehashi.device.model import Device
from kakehashi.device.noise.options import NoiseOptions
from kakehashi.device.noisy import NoisyDevice
from kakehashi.device.read import ShotsFormat
from kakehashi.device.remote.spec import IbmSpec, OqtopusSpec, QrmiSpec, RemoteSpec
from kakehashi.device.sector.sample import require_sector
from kakehashi.device.twin_device import TwinDevice
from kakehashi.device.twins.library import NAMED, load_twin
from kakehashi.device.twins.model import Twin
from kakehashi.device.twins.snapshot import SNAPSHOT_PREFIX
from kakehashi.device.uniform import UniformDevice
from kakehashi.problem.model import Problem

__all__ = [
    "DEVICES",
    "AnyDeviceSpec",
    "DeviceSpec",
    "ExactSpec",
    "FileSpec",
    "IbmSpec",
    "NoiseSpec",
    "NoisySpec",
    "OqtopusSpec",
    "QrmiSpec",
    "RemoteSpec",
    "TwinDeviceSpec",
    "UniformSpec",
    "parse_device",
]

TWIN = "twin"
"""Name of a processor that is read from the user's own file."""

Probability: TypeAlias = Annotated[float, pydantic.Field(ge=0, le=1)]


class ExactSpec(DeviceSpec):
    """``name = "exact"``: the noiseless simulator."""

    description: ClassVar[str] = "state vector in the electron sector, sampled without noise"

    name: Literal["exact"] = "exact"

    def build(self, base: Path = Path()) -> Device:  # noqa: ARG002 - it reads no file
        """The device."""
        return ExactDevice()

    def check(self, problem: Problem, base: Path = Path()) -> None:  # noqa: ARG002 - it reads no file
        """Refuse a problem whose state does not fit into memory."""
        require_sector(problem.n_orb, problem.n_elec)


class NoisySpec(DeviceSpec):
    """``name = "noisy"``: the simulator with depolarising and readout errors.

    All rates are probabilities without unit; at least one must be positive. See
    :mod:`kakehashi.device.noisy` for what they do.

    Attributes:
        depolarizing: Per shot, that it is replaced by random bits.
        two_qubit_error: Per two-qubit gate of the circuit, that the shot is replaced by random bits.
        prob_meas1_prep0: Per qubit, that a 0 is read as 1.
        prob_meas0_prep1: Per qubit, that a 1 is read as 0.
    """

    description: ClassVar[str] = "exact, plus depolarising and readout errors at the rates of the spec"

    name: Literal["noisy"] = "noisy"
    depolarizing: Probability = 0.0
    two_qubit_error: Probability = 0.0
    prob_meas1_prep0: Probability = 0.0
    prob_meas0_prep1: Probability = 0.0

    @pydantic.model_validator(mode="after")
    def _has_noise(self) -> NoisySpec:
        if not any((self.depolarizing, self.two_qubit_error, self.prob_meas1_prep0, self.prob_meas0_prep1)):
            raise ValueError(
                "all rates are zero; give depolarizing, two_qubit_error, prob_meas1_prep0 or prob_meas0_prep1, "
                "or take the device 'exact'"
            )
        return self

    def build(self, base: Path = Path()) -> Device:  # noqa: ARG002 - it reads no file
        """The device."""
        return NoisyDevice(
            depolarizing=self.depolarizing,
            two_qubit_error=self.two_qubit_error,
            prob_meas1_prep0=self.prob_meas1_prep0,
            prob_meas0_prep1=self.prob_meas0_prep1,
        )

    def check(self, problem: Problem, base: Path = Path()) -> None:  # noqa: ARG002 - it reads no file
        """Refuse a problem whose state does not fit into memory."""
        require_sector(problem.n_orb, problem.n_elec)


class UniformSpec(DeviceSpec):
    """``name = "uniform"``: random bits."""

    description: ClassVar[str] = "uniformly random bits: the control"

    name: Literal["uniform"] = "uniform"

    def build(self, base: Path = Path()) -> Device:  # noqa: ARG002 - it reads no file
        """The device."""
        return UniformDevice()


class FileSpec(DeviceSpec):
    """``name = "file"``: shots that a machine returned.

    Attributes:
        path: The file; a relative path starts from the folder of the TOML file.
        format: How it is written: ``"auto"``, ``"json"``, ``"text"``, ``"numpy"`` or ``"hdf5"``.
        n_shots: How many of its shots to use, picked at random; 0 for all.
    """

    description: ClassVar[str] = "shots from a file: qiskit, IBM runtime or OQTOPUS JSON, text, NumPy, HDF5"

    name: Literal["file"] = "file"
    path: str
    format: ShotsFormat = "auto"
    n_shots: int = pydantic.Field(default=0, ge=0, le=MAX_SHOTS)

    def build(self, base: Path = Path()) -> Device:
        """The device."""
        return FileDevice(path=base / Path(self.path).expanduser(), format=self.format)

    def identity(self, base: Path = Path()) -> dict[str, Any]:
        """The options, with the file's checksum in place of its path."""
        options = self.model_dump(mode="json", exclude={"path"})
        return {**options, "sha256": sha256_of(base / Path(self.path).expanduser())}

    def check(self, problem: Problem, base: Path = Path()) -> None:  # noqa: ARG002 - the shots are checked when read
        """Refuse a file that is not there."""
        path = base / Path(self.path).expanduser()
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.")


class NoiseSpec(Spec):
    """``[device.noise]``: which of a twin's errors there are.

    Attributes:
        gates: Gates have errors.
        idle: Qubits that wait relax.
        readout: Bits are misread.
        crosstalk: Neighbours turn each other by their ZZ coupling, where the twin knows it.
        leakage: Gates lose qubits from their two levels, where the twin knows how often.
    """

    gates: bool = True
    idle: bool = True
    readout: bool = True
    crosstalk: bool = True
    leakage: bool = False

    def build(self) -> NoiseOptions:
        """The options."""
        return NoiseOptions(
            gates=self.gates,
            idle=self.idle,
            fold=self.idle and self.readout,
            readout=self.readout,
            crosstalk="twirled" if self.crosstalk else "off",
            leakage=self.leakage,
        )


class TwinDeviceSpec(DeviceSpec):
    """A twin of a processor: ``name = "ibm-kobe"`` and its like, a snapshot, or ``"twin"`` with a file.

    Attributes:
        name: A name that ``kakehashi device list`` knows, or ``"twin"``.
        path: With ``"twin"``: OQTOPUS device topology (``.json``) or the data file of a twin (``.toml``); a relative
            path starts from the folder of the TOML file.
        preset: Ranges that the calibration is drawn from; the twin's first where not given.
        calibration_seed: Of the draw of the calibration, absent qubits and dead couplings.
        day: Day that the calibration has wandered to.
        qubit_yield: Share of the qubits that work, instead of the preset's.
        effort: How hard the circuit is compiled.
        noise: Which errors there are.
    """

    description: ClassVar[str] = "a processor by its graph, calibration and errors: see `kakehashi device list`"

    name: str = TWIN
    path: str | None = None
    preset: str | None = None
    calibration_seed: int = pydantic.Field(default=0, ge=0)
    day: float = 0.0
    qubit_yield: float | None = pydantic.Field(default=None, gt=0, le=1)
    effort: Literal["fast", "normal", "thorough"] = "normal"
    noise: NoiseSpec = NoiseSpec()

    @pydantic.model_validator(mode="after")
    def _has_one_source(self) -> TwinDeviceSpec:
        if (self.name == TWIN) != (self.path is not None):
            raise ValueError(f"a path belongs to the device {TWIN!r}, and {TWIN!r} needs one")
        return self

    def load(self, base: Path = Path()) -> Twin:
        """The processor.

        Args:
            base: Folder that a relative path starts from.
        """
        return load_twin(
            None if self.path is not None else self.name,
            seed=self.calibration_seed,
            day=self.day,
            preset=self.preset,
            qubit_yield=self.qubit_yield,
            path=None if self.path is None else base / Path(self.path).expanduser(),
        )

    def build(self, base: Path = Path()) -> TwinDevice:
        """The device."""
        settings = self.model_dump(mode="json", exclude={"name", "n_shots"}, exclude_none=True)
        return TwinDevice(twin=self.load(base), noise=self.noise.build(), effort=self.effort, settings=settings)

    def identity(self, base: Path = Path()) -> dict[str, Any]:
        """The options, with the file's checksum in place of its path."""
        options = self.model_dump(mode="json", exclude={"path"})
        return options if self.path is None else {**options, "sha256": sha256_of(base / Path(self.path).expanduser())}

    def check(self, problem: Problem, base: Path = Path()) -> None:
        """Refuse a problem that is wider than the processor, or whose state does not fit into memory."""
        twin = self.load(base)
        n_present = int(twin.present.sum())
        if 2 * problem.n_orb > n_present:
            raise InputError(
                f"{problem.name} takes {2 * problem.n_orb} qubits, but {twin.name} has {n_present} that work."
            )
        require_sector(problem.n_orb, problem.n_elec)


DEVICES: Registry[type[DeviceSpec]] = Registry("device")
"""The devices that a user can name, with their specs."""

for _spec in (ExactSpec, NoisySpec, UniformSpec, FileSpec, TwinDeviceSpec, IbmSpec, OqtopusSpec, QrmiSpec):
    DEVICES.add(str(_spec.model_fields["name"].default), _spec)


def parse_device(table: Mapping[str, Any] | DeviceSpec) -> DeviceSpec:
    """The spec of the device that a table names.

    Raises:
        InputError: There is no such device.
        SpecError: An option is wrong.

    Example:
        >>> parse_device({"name": "uniform", "n_shots": 10})
        UniformSpec(name='uniform', n_shots=10)
    """
    if isinstance(table, DeviceSpec):
        return table
    if not isinstance(table, Mapping):
        raise InputError('a device is a table such as {name = "exact"}')
    name = table.get("name", "exact")
    if not isinstance(name, str):
        raise InputError(f"the name of a device must be a string, but is {name!r}")
    return parse_spec(_spec_of(name), table, source=f"device {name!r}")


def _spec_of(name: str) -> type[DeviceSpec]:
    """What a name stands for: a simulator, a file, any processor that has a twin, or a machine behind a service."""
    kind, colon, _ = name.partition(":")
    if colon and kind in DEVICES and issubclass(DEVICES[kind], RemoteSpec):
        return DEVICES[kind]
    if name.startswith(SNAPSHOT_PREFIX):
        return TwinDeviceSpec
    known: Registry[type[DeviceSpec]] = Registry("device")
    for entry in DEVICES:
        known.add(entry, DEVICES[entry])
    for twin in NAMED:
        known.add(twin, TwinDeviceSpec)
    return known[name]


AnyDeviceSpec: TypeAlias = Annotated[pydantic.SerializeAsAny[DeviceSpec], pydantic.BeforeValidator(parse_device)]
"""Type of a spec's field that holds any registered device."""
