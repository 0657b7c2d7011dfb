/**
 * What the world reads and writes of MuJoCo, with types: the package declares its arrays as `any`. A MjModel and a
 * MjData fit these as they are. Arrays are views into a heap that may grow: take them anew each time.
 */

/** Fields of mjModel; see mujoco/mjmodel.h for their meaning. */
export interface PhysicsModel {
  readonly nu: number;
  readonly ngeom: number;
  readonly jnt_qposadr: Int32Array;
  readonly jnt_dofadr: Int32Array;
  readonly actuator_trntype: Int32Array;
  readonly actuator_trnid: Int32Array;
}

/** Fields of mjData. */
export interface PhysicsData {
  time: number;
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly act: Float64Array;
  readonly ctrl: Float64Array;
  readonly qacc_warmstart: Float64Array;
  readonly actuator_force: Float64Array;
}
