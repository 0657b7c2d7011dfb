"""Python MuJoCo on the trace of renderer.js: for every line read, walks through it and draws all cameras."""
import json
import os
import sys
import time

import mujoco
import numpy as np

scene, trace, *cameras = sys.argv[1:]
model = mujoco.MjModel.from_xml_path(scene)
model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MULTICCD
model.vis.quality.offsamples = 0
data = mujoco.MjData(model)
qpos, first, ctrl = np.split(np.fromfile(trace), [model.nq, model.nq + model.nu])
ctrl = ctrl.reshape(-1, model.nu)
renderer = mujoco.Renderer(model, 480, 640)

print(json.dumps({"version": mujoco.__version__, "backend": os.environ["MUJOCO_GL"]}), flush=True)
for _ in sys.stdin:
    mujoco.mj_resetData(model, data)
    data.qpos[:] = qpos
    data.ctrl[:] = first
    mujoco.mj_forward(model, data)
    began = time.perf_counter()
    cpu = time.process_time()
    for row in ctrl:
        data.ctrl[:] = row
        mujoco.mj_step2(model, data)
        mujoco.mj_step(model, data, nstep=9)
        mujoco.mj_step1(model, data)
        pictures = []
        for camera in cameras:
            renderer.update_scene(data, camera)
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
            renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
            pictures.append(renderer.render())
    elapsed = time.perf_counter() - began
    cpu = time.process_time() - cpu
    means = [float(picture.mean()) for picture in pictures]
    print(json.dumps({"ms": elapsed * 1000, "cpuMs": cpu * 1000, "means": means}), flush=True)
