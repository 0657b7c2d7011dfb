/**
 * What the renderer reads of MuJoCo, with types: the package declares its arrays as `any`. A MjModel, a MjData and the
 * loaded module fit these as they are. Arrays are views into a heap that may grow: read them anew in every frame.
 */

/** Fields of mjModel; see mujoco/mjmodel.h for their meaning. */
export interface SceneModel {
  readonly ncam: number;
  readonly ngeom: number;
  readonly nlight: number;
  readonly stat: { readonly extent: number };
  readonly vis: {
    readonly headlight: {
      readonly active: number;
      readonly ambient: Float32Array;
      readonly diffuse: Float32Array;
      readonly specular: Float32Array;
    };
    readonly map: { readonly zfar: number; readonly znear: number };
    readonly quality: { readonly numslices: number; readonly numstacks: number; readonly numquads: number };
  };
  readonly cam_fovy: Float64Array;
  readonly geom_dataid: Int32Array;
  readonly geom_group: Int32Array;
  readonly geom_matid: Int32Array;
  readonly geom_rgba: Float32Array;
  readonly geom_size: Float64Array;
  readonly geom_type: Int32Array;
  readonly light_ambient: Float32Array;
  readonly light_attenuation: Float32Array;
  readonly light_cutoff: Float32Array;
  readonly light_diffuse: Float32Array;
  readonly light_exponent: Float32Array;
  readonly light_specular: Float32Array;
  readonly light_type: Int32Array;
  readonly mat_emission: Float32Array;
  readonly mat_rgba: Float32Array;
  readonly mat_texid: Int32Array;
  readonly mat_texrepeat: Float32Array;
  readonly mat_shininess: Float32Array;
  readonly mat_specular: Float32Array;
  readonly mesh_face: Int32Array;
  readonly mesh_faceadr: Int32Array;
  readonly mesh_facenormal: Int32Array;
  readonly mesh_facenum: Int32Array;
  readonly mesh_normal: Float32Array;
  readonly mesh_normaladr: Int32Array;
  readonly mesh_texcoordadr: Int32Array;
  readonly mesh_vert: Float32Array;
  readonly mesh_vertadr: Int32Array;
  readonly tex_adr: ArrayLike<number | bigint>;
  readonly tex_data: Uint8Array;
  readonly tex_height: Int32Array;
  readonly tex_nchannel: Int32Array;
  readonly tex_type: Int32Array;
  readonly tex_width: Int32Array;
  /** Accessors, each to be given back with `delete`: whole-array views of truth values throw in 3.14. */
  light(id: number): { readonly active: boolean; readonly castshadow: boolean; delete(): void };
  mat(id: number): { readonly texuniform: boolean; delete(): void };
}

/** Fields of mjData, valid after mj_forward or mj_step. */
export interface SceneData {
  readonly cam_xmat: Float64Array;
  readonly cam_xpos: Float64Array;
  readonly geom_xmat: Float64Array;
  readonly geom_xpos: Float64Array;
  readonly light_xdir: Float64Array;
  readonly light_xpos: Float64Array;
}
