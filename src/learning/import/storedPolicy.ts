/** Reads a checkpoint folder of ours back as network and weights, for what needs more than serving it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageRequest } from '../../contract/camera.js';
import { CHECKPOINT_FILES } from '../../contract/checkpoint.js';
import { CheckpointError } from '../../contract/errors.js';
import { meaningOf } from '../../contract/systemError.js';
import { checkConfig, type ActConfig } from '../../network/actConfig.js';
import type { Weights } from '../../network/actParameters.js';
import { decodeSafetensors } from '../../network/safetensors.js';

export interface StoredPolicy {
  readonly config: ActConfig;
  readonly weights: Weights;
  readonly images: readonly ImageRequest[];
}

const count = z.int().positive();
const numbers = z.array(z.number());
const statistics = z.object({ mean: numbers, std: numbers });

const configSchema: z.ZodType<ActConfig> = z.object({
  chunkSize: count,
  actionSize: count,
  stateSize: count,
  environmentStateSize: z.int().nonnegative(),
  cameras: z.array(z.object({ width: count, height: count })),
  backbone: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('resnet18') }),
    z.object({
      kind: z.literal('small'),
      stem: z.object({ kernel: count, stride: count, channels: count }),
      stages: z.array(z.object({ channels: count, blocks: count, stride: count })),
    }),
  ]),
  sharedBackbone: z.boolean(),
  cameraEmbedding: z.boolean(),
  dModel: count,
  heads: count,
  feedForward: count,
  encoderLayers: count,
  decoderLayers: count,
  latentSize: count,
  cvae: z.boolean(),
  cvaeLayers: z.int().nonnegative(),
  dropout: z.number(),
  klWeight: z.number(),
  auxiliaryWeight: z.number(),
  lossNormalisation: z.enum(['all', 'valid']),
  normalisation: z.object({
    qpos: statistics,
    action: statistics,
    environmentState: statistics.exactOptional(),
  }),
});

const region = z.object({ x: z.int(), y: z.int(), width: count, height: count });
const manifestSchema = z.object({
  architecture: configSchema,
  images: z.array(
    z.object({ camera: z.string(), width: count, height: count, region: region.exactOptional() }),
  ),
});

/** Throws CheckpointError. */
export function readStoredPolicy(folder: string): StoredPolicy {
  const { architecture, images } = reading(join(folder, CHECKPOINT_FILES.manifest), (bytes) => {
    const manifest = manifestSchema.parse(JSON.parse(bytes.toString('utf8')));
    checkConfig(manifest.architecture);
    return manifest;
  });
  const weights = reading(
    join(folder, CHECKPOINT_FILES.weights),
    // Not a Buffer: its slice() would be a window into the file, of any alignment.
    (bytes) => decodeSafetensors(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)).tensors,
  );
  return { config: architecture, weights, images };
}

function reading<T>(path: string, parse: (bytes: Buffer) => T): T {
  try {
    return parse(readFileSync(path));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : meaningOf(cause);
    throw new CheckpointError(
      `${path} cannot be used: ${why}. Give a whole checkpoint folder, as \`alohad train\` and ` +
        '`alohad policy import` write it',
      { cause },
    );
  }
}
