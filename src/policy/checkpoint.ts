/** Reads a checkpoint folder and refuses anything that could drive the arms wrongly, saying what to do about it. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FULL_FRAME } from '../contract/camera.js';
import type { CameraName } from '../contract/camera.js';
import { CHECKPOINT_FILES } from '../contract/checkpoint.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import { CameraMismatchError, CheckpointError } from '../contract/errors.js';
import { ARMS, DOF } from '../contract/robot.js';
import { TASKS } from '../contract/task.js';

/** A checkpoint whose files are whole and agree with each other. The network itself is checked when it is opened. */
export interface Checkpoint {
  readonly folder: string;
  readonly manifest: PolicyManifest;
  readonly modelPath: string;
}

const size = z.int().positive();
const region = z
  .strictObject({ x: z.int().nonnegative(), y: z.int().nonnegative(), width: size, height: size })
  .refine((r) => r.x + r.width <= FULL_FRAME.width && r.y + r.height <= FULL_FRAME.height, {
    error: `region leaves the ${FULL_FRAME.width} x ${FULL_FRAME.height} frame`,
  });
const perJoint = z.array(z.number()).length(DOF);
const normalisation = z.strictObject({
  mean: perJoint,
  std: perJoint.refine((std) => std.every((s) => s > 0)),
});
const offset = z.tuple([z.number(), z.number(), z.number()]);
const freeform = z.record(z.string(), z.unknown());

const manifestSchema = z.strictObject({
  format: z.literal('alohad-policy'),
  version: z.literal(1),
  name: z.string().min(1),
  task: z.enum(TASKS),
  architecture: freeform,
  chunkSize: size,
  images: z.array(
    z.strictObject({ camera: z.string().min(1), width: size, height: size, region: region.exactOptional() }),
  ),
  channelOrder: z.literal('rgb'),
  environmentStateSize: z.int().nonnegative(),
  normalisation: z.strictObject({ qpos: normalisation, action: normalisation }),
  modelSha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be 64 lower-case hex digits' }),
  provenance: freeform,
  parent: z.string().exactOptional(),
  residual: z
    .strictObject({
      fromStep: z.int().nonnegative(),
      arm: z.enum(ARMS),
      offsetM: offset,
    })
    .exactOptional(),
  choice: z
    .strictObject({
      fromStep: z.int().nonnegative(),
      arm: z.enum(ARMS),
      offsetsM: z.array(offset).min(2),
      margin: z.number().nonnegative(),
    })
    .exactOptional(),
});

/** Only these two are read before anything else is believed. */
const versionSchema = z.looseObject({ format: z.literal('alohad-policy'), version: z.number() });

/** Throws CheckpointError. */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new CheckpointError(
      `There is no checkpoint folder ${folder}. Give the folder that holds ${CHECKPOINT_FILES.manifest}; ` +
        '`alohad train` writes one.',
    );
  }
  const manifest = parseManifest(folder, (await read(folder, CHECKPOINT_FILES.manifest)).toString('utf8'));
  const model = await read(folder, CHECKPOINT_FILES.model);
  const sha256 = createHash('sha256').update(model).digest('hex');
  if (sha256 !== manifest.modelSha256) {
    throw new CheckpointError(
      `${join(folder, CHECKPOINT_FILES.model)} is not the model that ${CHECKPOINT_FILES.manifest} describes: ` +
        `its sha256 is ${sha256.slice(0, 12)}..., expected ${manifest.modelSha256.slice(0, 12)}.... ` +
        'The file was damaged or replaced; copy the folder again.',
    );
  }
  return { folder, manifest, modelPath: join(folder, CHECKPOINT_FILES.model) };
}

/** Throws CameraMismatchError unless the robot has every camera that the policy sees through. */
export function requireCameras(manifest: PolicyManifest, cameras: readonly CameraName[]): void {
  const missing = manifest.images.map((image) => image.camera).filter((camera) => !cameras.includes(camera));
  if (missing.length === 0) return;
  throw new CameraMismatchError(
    `Policy ${manifest.name} looks through ${missing.join(', ')}, which this robot does not have; ` +
      `its cameras are ${cameras.join(', ') || 'none'}. Add or rename cameras in the rig file, or use another policy.`,
  );
}

/** A tensor of the network: name, element type and shape. */
export interface TensorSignature {
  readonly name: string;
  readonly type: 'float32' | 'uint8';
  readonly shape: readonly number[];
}

/** Inputs and outputs that the manifest promises, as contract/checkpoint.ts defines them. */
export function signatureOf(manifest: PolicyManifest): {
  inputs: TensorSignature[];
  outputs: TensorSignature[];
} {
  const inputs: TensorSignature[] = [{ name: 'qpos', type: 'float32', shape: [1, DOF] }];
  if (manifest.environmentStateSize > 0) {
    inputs.push({ name: 'environment_state', type: 'float32', shape: [1, manifest.environmentStateSize] });
  }
  for (const [index, { height, width }] of manifest.images.entries()) {
    inputs.push({ name: `image_${index}`, type: 'uint8', shape: [1, height, width, 3] });
  }
  const outputs: TensorSignature[] = [
    { name: 'actions', type: 'float32', shape: [1, manifest.chunkSize, DOF] },
  ];
  if (manifest.choice)
    outputs.push({ name: 'scores', type: 'float32', shape: [1, manifest.choice.offsetsM.length] });
  return { inputs, outputs };
}

/** What onnxruntime says of a tensor. Dimensions it does not know are names. */
interface ModelTensor {
  readonly name: string;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** Throws CheckpointError where the network is not the one that the manifest describes. */
export function requireSignature(
  manifest: PolicyManifest,
  model: { readonly inputs: readonly ModelTensor[]; readonly outputs: readonly ModelTensor[] },
): void {
  const { inputs, outputs } = signatureOf(manifest);
  const promised = (tensors: readonly TensorSignature[]): string =>
    tensors.map((t) => `${t.name} ${t.type} (${t.shape.join(', ')})`).join('; ');
  const actual = (tensors: readonly ModelTensor[]): string =>
    tensors.map((t) => `${t.name} ${t.type} (${(t.shape ?? []).join(', ')})`).join('; ');
  const fits = (have: readonly ModelTensor[], want: readonly TensorSignature[]): boolean =>
    have.length === want.length && want.every((w) => have.some((h) => sameTensor(h, w)));
  if (fits(model.inputs, inputs) && fits(model.outputs, outputs)) return;
  throw new CheckpointError(
    `The network of policy ${manifest.name} does not fit its ${CHECKPOINT_FILES.manifest}.\n` +
      `  described: ${promised(inputs)} -> ${promised(outputs)}\n` +
      `  network:   ${actual(model.inputs)} -> ${actual(model.outputs)}\n` +
      'The two files are not of the same checkpoint; copy or export it again.',
  );
}

function sameTensor(have: ModelTensor, want: TensorSignature): boolean {
  const shape = have.shape ?? [];
  return (
    have.name === want.name &&
    have.type === want.type &&
    shape.length === want.shape.length &&
    // A free batch dimension is as good as 1.
    want.shape.every((n, axis) => shape[axis] === n || (axis === 0 && typeof shape[axis] !== 'number'))
  );
}

function parseManifest(folder: string, text: string): PolicyManifest {
  const path = join(folder, CHECKPOINT_FILES.manifest);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${path} is not JSON (${String(error)}); copy the folder again.`, {
      cause: error,
    });
  }
  const header = versionSchema.safeParse(json);
  if (!header.success)
    throw new CheckpointError(`${path} is not an alohad policy:\n${z.prettifyError(header.error)}`);
  if (header.data.version !== 1) {
    throw new CheckpointError(
      `${path} has version ${header.data.version}, this alohad reads version 1: update alohad, or export it again.`,
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    throw new CheckpointError(
      `${path} cannot be used:\n${z.prettifyError(parsed.error)}\nExport or train the policy again.`,
    );
  }
  return parsed.data;
}

async function read(folder: string, file: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, file));
  } catch (error) {
    throw new CheckpointError(
      `Checkpoint ${folder} has no readable ${file} (${String(error)}); copy the folder again.`,
      { cause: error },
    );
  }
}
