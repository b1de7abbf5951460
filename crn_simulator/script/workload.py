"""Load of a node over time: a daily wave, VMs that start and stop, GPUs that are assigned."""

import math

from crn_simulator.script.machine import Load, Machine
from crn_simulator.script.seeded_random import fraction

_DAY = 86400.0
_VM_SLOT = 7200
_GPU_SLOT = 14400
_MOST_VMS = 12


def load_at(seed: int, node: int, machine: Machine, time: float) -> Load:
    """Return the load of a machine at a time (seconds since the epoch); it changes every minute."""
    key = (seed, node)
    rest = fraction(*key, "busy")
    vms = int(_MOST_VMS * rest * fraction(*key, "vms", int(time // _VM_SLOT)) + 0.5)
    taken = sum(
        fraction(*key, "gpu", card, int(time // _GPU_SLOT)) < 0.5
        for card in range(len(machine.gpus))
    )
    wave = math.sin(2 * math.pi * (time / _DAY + fraction(*key, "phase") / 4))
    steady = machine.cpu_count * (0.05 + 0.4 * rest * (1 + 0.5 * wave) * vms / _MOST_VMS)
    minute = int(time // 60)
    load1 = steady * (0.7 + 0.6 * fraction(*key, "load1", minute))
    load5 = steady * (0.85 + 0.3 * fraction(*key, "load5", minute // 5))
    used = 0.08 + 0.8 * vms / _MOST_VMS + 0.02 * fraction(*key, "memory", minute)
    stored = 0.1 + 0.6 * rest + 0.1 * vms / _MOST_VMS
    idle = vms == 0 and fraction(*key, "idle", minute) < 0.2
    return Load(
        vms=vms,
        load1=0.0 if idle else round(load1, 4),
        load5=round(load5, 4),
        load15=round(steady, 4),
        mem_available_kb=int(machine.mem_total_kb * (1 - used)),
        disk_available_kb=int(machine.disk_total_kb * (1 - stored)),
        taken_gpus=taken,
    )
