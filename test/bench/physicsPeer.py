"""Native MuJoCo on the trace of physics.js: for every line read, runs the episode and prints its milliseconds."""
import json
import sys
import time

import mujoco
import numpy as np

scene, trace = sys.argv[1:]
model = mujoco.MjModel.from_xml_path(scene)
model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MULTICCD
data = mujoco.MjData(model)
numbers = np.fromfile(trace)
qpos, first, ctrl = np.split(numbers, [model.nq, model.nq + model.nu])
ctrl = ctrl.reshape(-1, model.nu)

print(json.dumps({"version": mujoco.__version__}), flush=True)
for _ in sys.stdin:
    mujoco.mj_resetData(model, data)
    data.qpos[:] = qpos
    data.ctrl[:] = first
    mujoco.mj_forward(model, data)
    began = time.perf_counter()
    for row in ctrl:
        data.ctrl[:] = row
        mujoco.mj_step2(model, data)
        mujoco.mj_step(model, data, nstep=9)
        mujoco.mj_step1(model, data)
    elapsed = time.perf_counter() - began
    print(json.dumps({"ms": elapsed * 1000, "qpos": data.qpos.tolist()}), flush=True)
