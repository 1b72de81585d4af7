import numpy as np
from numpy.typing import NDArray

def kernel_name() -> str: ...
def select_kernels(name: str) -> bool: ...
def carryless_kernel_name() -> str: ...
def select_carryless_kernels(name: str) -> bool: ...
def plan_toeplitz(n: int, n_out: int) -> int: ...
def toeplitz_bytes(n: int, n_out: int, log2_length: int, n_threads: int) -> int: ...
def toeplitz_into_buffer(
    key: NDArray[np.uint8],
    seed: NDArray[np.uint8],
    n: int,
    out: NDArray[np.uint8],
    n_out: int,
    log2_length: int,
    n_threads: int,
) -> None: ...
def make_photon_channel() -> PhotonChannel: ...
def build_product(
    one_body: NDArray[np.float64],
    pair_matrix: NDArray[np.float64],
    alpha: NDArray[np.uint64],
    beta: NDArray[np.uint64],
    screen: float,
    n_threads: int,
) -> ProductSpace: ...
def make_determinants(
    one_body: NDArray[np.float64],
    two_body: NDArray[np.float64],
    screen: float,
    spin_penalty: float,
    n_threads: int,
) -> DeterminantSpace: ...

class Polynomial:
    def __init__(self, key: NDArray[np.uint8], /) -> None: ...
    def extend(self, blocks: NDArray[np.uint8], /) -> None: ...
    def value(self) -> bytes: ...
    def copy(self) -> Polynomial: ...

class ProductSpace:
    @property
    def same_strings(self) -> bool: ...
    @property
    def n_classes(self) -> int: ...
    def fill_diagonal(self, out: NDArray[np.float64], /) -> None: ...
    def fill_block(self, indices: NDArray[np.int64], out: NDArray[np.float64], spin: bool, /) -> None: ...
    def apply_hamiltonian_into_buffer(
        self,
        diagonal: NDArray[np.float64],
        c: NDArray[np.float64],
        out: NDArray[np.float64],
        symmetry: int,
        /,
    ) -> None: ...
    def apply_spin_squared_into_buffer(self, c: NDArray[np.float64], out: NDArray[np.float64], /) -> None: ...
    def fill_opposite_density(self, c: NDArray[np.float64], out: NDArray[np.float64], /) -> None: ...
    def fill_same_spin_density(
        self,
        beta: bool,
        string_density: NDArray[np.float64],
        one_body: NDArray[np.float64],
        two_body: NDArray[np.float64],
        /,
    ) -> None: ...
    def count_elements(self) -> tuple[float, float]: ...

class PartialSums:
    @property
    def size(self) -> int: ...
    @property
    def full(self) -> bool: ...

class Blocks:
    @property
    def n_alphas(self) -> int: ...
    @property
    def n_betas(self) -> int: ...
    @property
    def n_bytes(self) -> int: ...
    def copy_shard(
        self,
        alphas: NDArray[np.uint64],
        betas: NDArray[np.uint64],
        alpha: NDArray[np.int32],
        beta: NDArray[np.int32],
        /,
    ) -> None: ...
    def copy_pairs(self, strings: NDArray[np.uint64], alpha: NDArray[np.int32], beta: NDArray[np.int32], /) -> None: ...
    def build(
        self,
        process: int,
        alphas: NDArray[np.uint64],
        betas: NDArray[np.uint64],
        alpha: NDArray[np.int32],
        beta: NDArray[np.int32],
        share: int,
        budget_bytes: int,
        /,
    ) -> tuple[int, int, bool]: ...
    def apply_stored(
        self,
        process: int,
        kind: int,
        x: NDArray[np.float64],
        guests_x: NDArray[np.float64],
        y: NDArray[np.float64],
        guests_y: NDArray[np.float64],
        /,
    ) -> None: ...
    def apply(
        self,
        process: int,
        alphas: NDArray[np.uint64],
        betas: NDArray[np.uint64],
        alpha: NDArray[np.int32],
        beta: NDArray[np.int32],
        share: int,
        kind: int,
        x: NDArray[np.float64],
        guests_x: NDArray[np.float64],
        y: NDArray[np.float64],
        guests_y: NDArray[np.float64],
        /,
    ) -> None: ...
    def spin_squared(
        self,
        alphas: NDArray[np.uint64],
        betas: NDArray[np.uint64],
        alpha: NDArray[np.int32],
        beta: NDArray[np.int32],
        share: int,
        c: NDArray[np.float64],
        guests_c: NDArray[np.float64],
        /,
    ) -> float: ...
    def add_densities(
        self,
        alphas: NDArray[np.uint64],
        betas: NDArray[np.uint64],
        alpha: NDArray[np.int32],
        beta: NDArray[np.int32],
        share: int,
        bra: NDArray[np.float64],
        ket: NDArray[np.float64],
        one_body: NDArray[np.float64],
        pairs: NDArray[np.float64],
        /,
    ) -> None: ...
    def make_partial_sums(self, budget_bytes: int, /) -> PartialSums: ...
    def perturb_in_part(
        self,
        parts: PartialSums,
        c: NDArray[np.float64],
        energy: float,
        threshold: float,
        coarse_threshold: float,
        n_batches: int,
        batch: int,
        heat_bath: bool,
        half: bool,
        memory_budget_bytes: int,
        /,
    ) -> tuple[float, float, int, int, int, int]: ...
    def finish_parts(
        self,
        parts: PartialSums,
        c: NDArray[np.float64],
        energy: float,
        threshold: float,
        coarse_threshold: float,
        n_batches: int,
        batch: int,
        heat_bath: bool,
        half: bool,
        least_importance: float,
        alpha: NDArray[np.uint64],
        beta: NDArray[np.uint64],
        importance: NDArray[np.float64],
        /,
    ) -> tuple[float, float, int, int, int, int]: ...

class DeterminantSpace:
    @property
    def size(self) -> int: ...
    @property
    def blocks(self) -> Blocks: ...
    def another(self) -> DeterminantSpace: ...
    def append(self, alpha: NDArray[np.uint64], beta: NDArray[np.uint64], /) -> int: ...
    def copy_strings(self, alpha: NDArray[np.uint64], beta: NDArray[np.uint64], /) -> None: ...
    def find(self, alpha: NDArray[np.uint64], beta: NDArray[np.uint64], out: NDArray[np.int64], /) -> None: ...
    def build(self, half: bool, budget_bytes: int, /) -> tuple[int, int, int]: ...
    def forget_matrix(self) -> None: ...
    def fill_diagonal(self, out: NDArray[np.float64], /) -> None: ...
    @property
    def is_mirrored(self) -> bool: ...
    @property
    def n_pairs(self) -> int: ...
    def parity_sums(self, c: NDArray[np.float64], sums: NDArray[np.float64], /) -> None: ...
    def apply_diagonal(self, c: NDArray[np.float64], out: NDArray[np.float64], /) -> None: ...
    def fold(self, kind: int, c: NDArray[np.float64], x: NDArray[np.float64], /) -> None: ...
    def multiply(self, kind: int, x: NDArray[np.float64], y: NDArray[np.float64], /) -> None: ...
    def unfold(self, kind: int, y: NDArray[np.float64], out: NDArray[np.float64], /) -> None: ...
    def apply_spin_squared(self, kind: int, c: NDArray[np.float64], out: NDArray[np.float64], /) -> None: ...
    def fill_densities(
        self,
        bra: NDArray[np.float64],
        ket: NDArray[np.float64],
        one_body: NDArray[np.float64],
        pairs: NDArray[np.float64],
        /,
    ) -> None: ...
    def perturb(
        self,
        c: NDArray[np.float64],
        energy: float,
        threshold: float,
        coarse_threshold: float,
        n_batches: int,
        batch: int,
        heat_bath: bool,
        half: bool,
        least_importance: float,
        alpha: NDArray[np.uint64],
        beta: NDArray[np.uint64],
        importance: NDArray[np.float64],
        memory_budget_bytes: int,
        /,
    ) -> tuple[float, float, int, int, int, int]: ...

class TrajectorySampler:
    @property
    def n_words(self) -> int: ...
    def sample(
        self,
        signs: NDArray[np.uint64],
        first_draw: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        out: NDArray[np.int64],
        n_branches: int,
        n_threads: int,
        max_states: int,
        /,
    ) -> None: ...
    def fill_parities(
        self,
        signs: NDArray[np.uint64],
        mask: int,
        out: NDArray[np.float64],
        n_branches: int,
        n_threads: int,
        max_states: int,
        /,
    ) -> None: ...
    def fill_amplitudes(
        self,
        signs: NDArray[np.uint64],
        real: NDArray[np.float64],
        imaginary: NDArray[np.float64],
        n_threads: int,
        /,
    ) -> None: ...

class FrontProgram:
    @property
    def width(self) -> int: ...
    def sample(
        self,
        signs: NDArray[np.uint8],
        uniforms: NDArray[np.float64],
        bits: NDArray[np.uint8],
        n_threads: int,
        single: bool,
        /,
    ) -> None: ...

def make_front(n_qubits: int, code: NDArray[np.int32], matrices: NDArray[np.complex128], /) -> FrontProgram: ...
def make_trajectories(
    n_qubits: int,
    code: NDArray[np.int32],
    angles: NDArray[np.float64],
    scales: NDArray[np.float64],
    single: bool,
) -> TrajectorySampler: ...

class CascadeEnd:
    @property
    def n_pending(self) -> int: ...
    @property
    def n_flips(self) -> int: ...
    @property
    def n_resumed(self) -> int: ...
    def begin(self) -> bytes: ...
    def take(self, parities: bytes, /) -> bytes: ...
    def answer(self, differ: bytes, /) -> bytes: ...
    def copy_bits(self, out: NDArray[np.uint64], n_bits: int, /) -> None: ...

def make_cascade(
    words: NDArray[np.uint64],
    *,
    n_bits: int,
    n_frames: int,
    log_frame: int,
    log_blocks: list[int],
    n_halves: int,
    n_checks: int,
    group_frames: int,
    seed: int,
    corrects: bool,
) -> CascadeEnd: ...
def fill_permutation(seed: int, number: int, out: NDArray[np.uint16]) -> None: ...

class PhotonChannel:
    def set_cells(
        self,
        joint: NDArray[np.uint64],
        intensity: NDArray[np.uint8],
        detected: NDArray[np.uint64],
        idle: NDArray[np.uint64],
        /,
    ) -> None: ...
    def set_outcomes(
        self,
        first: NDArray[np.int64],
        intensity: NDArray[np.uint8],
        n_detected: NDArray[np.uint8],
        scramble: NDArray[np.uint64],
        cumulative: NDArray[np.uint64],
        /,
    ) -> None: ...
    def set_bases(
        self, sender_key: int, receiver_key: int, flip: int, passive: bool, differential: bool, /
    ) -> None: ...
    def set_dark(self, any_: int, one: int, next_: NDArray[np.uint64], /) -> None: ...
    def set_memory(self, dead_slots: int, afterpulse: int, log_decay: float, /) -> None: ...
    def set_detected_any(self, probability: float, /) -> None: ...

class PhotonLink:
    def __init__(self, seed: int) -> None: ...
    def run(self, channel: PhotonChannel, first: int, end: int, statistical: bool, n_threads: int, /) -> int: ...
    def fill(
        self,
        slot: NDArray[np.int64],
        intensity: NDArray[np.uint8],
        sender_basis: NDArray[np.uint8],
        sender_bit: NDArray[np.uint8],
        receiver_basis: NDArray[np.uint8],
        receiver_bit: NDArray[np.uint8],
        /,
    ) -> None: ...
    def fill_settings(
        self,
        channel: PhotonChannel,
        first: int,
        intensity: NDArray[np.uint8],
        basis: NDArray[np.uint8],
        bit: NDArray[np.uint8],
        /,
    ) -> None: ...

class PhotonReceiver:
    def __init__(self, seed: int) -> None: ...
    def accept(
        self,
        channel: PhotonChannel,
        slot: NDArray[np.int64],
        mask: NDArray[np.uint8],
        basis: NDArray[np.uint8],
        end: int,
        /,
    ) -> int: ...
    def fill(self, slot: NDArray[np.int64], basis: NDArray[np.uint8], bit: NDArray[np.uint8], /) -> None: ...

def fill_syndrome(
    z: int,
    n_columns: int,
    row_start: NDArray[np.int32],
    column: NDArray[np.int32],
    shift: NDArray[np.int32],
    bits: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None: ...
def decode_ldpc(
    z: int,
    n_columns: int,
    row_start: NDArray[np.int32],
    column: NDArray[np.int32],
    shift: NDArray[np.int32],
    syndrome: NDArray[np.uint8],
    belief: NDArray[np.int16],
    max_iterations: int,
) -> int: ...

class RoutingProgram:
    @staticmethod
    def from_arrays(
        n_qubits: int,
        first: NDArray[np.int32],
        qubits: NDArray[np.int32],
        axis: NDArray[np.int8],
        kind: NDArray[np.int8],
        cost: NDArray[np.int8],
        swapped: NDArray[np.int8],
    ) -> RoutingProgram: ...

class RoutingMachine:
    @staticmethod
    def from_arrays(
        distance: NDArray[np.int16],
        loss: NDArray[np.float64],
        read: NDArray[np.float64],
        decay: NDArray[np.float64],
        gate_ns: float,
        turn_ns: float,
    ) -> RoutingMachine: ...

def search_route(
    program: RoutingProgram,
    machine: RoutingMachine,
    starts: NDArray[np.int32],
    pull: NDArray[np.float64],
    lookahead: NDArray[np.float64],
    price: float,
    crowding: float,
    chance: float,
    as_listed: bool,
    rounds: int,
    tries: int,
    seed: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], float, int]: ...
def estimate_schedule(
    step: NDArray[np.int8],
    row: NDArray[np.int16],
    first: NDArray[np.int32],
    qubits: NDArray[np.int32],
    wait_ns: NDArray[np.float64],
    pair_log: NDArray[np.float64],
    pair_ns: NDArray[np.float64],
    turn_log: NDArray[np.float64],
    turn_ns: NDArray[np.float64],
    read: NDArray[np.float64],
    decay: NDArray[np.float64],
) -> tuple[float, float, float, float, int, int, NDArray[np.float64]]: ...
def find_places(
    edges: NDArray[np.int32],
    weights: NDArray[np.float64],
    vertex_loss: NDArray[np.float64],
    edge_log: NDArray[np.float64],
    width: int,
) -> NDArray[np.int32]: ...
def pick_bits(values: NDArray[np.uint8], mask: NDArray[np.uint8], out: NDArray[np.uint8]) -> int: ...
def gap_width(slot: NDArray[np.int64], first: int) -> int: ...
def fill_gaps(slot: NDArray[np.int64], first: int, width: int, out: NDArray[np.uint8]) -> None: ...
def look_up_clicks(
    slot: NDArray[np.int64],
    bit: NDArray[np.uint8],
    basis: NDArray[np.uint8],
    intensity: NDArray[np.uint8],
    first: int,
    is_dense: bool,
    gaps: NDArray[np.uint8],
    width: int,
    out: NDArray[np.uint8],
) -> None: ...
