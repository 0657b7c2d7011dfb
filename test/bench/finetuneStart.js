/**
 * Makes the policy that fine-tuning was measured from: the shipped image policy's eyes, frozen, and a transformer that
 * is trained anew on few demonstrations. (The shipped policy itself leaves nothing to improve.)
 *
 *   alohad record --episodes 150 --images none --workers 2 --waypoint-noise 0.004 --timing 0.06 --shake 0.02 --out demos
 *   node test/bench/finetuneStart.js --demos demos --count 60 --steps 4000 --out runs/start
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { EpisodeStore } from '../../dist/episodes/episodeStore.js';
import { fetchBatch } from '../../dist/learning/finetune/actor.js';
import { DemonstrationSampler } from '../../dist/learning/finetune/demonstrations.js';
import { ChunkSupply } from '../../dist/learning/finetune/chunkSupply.js';
import { SampleLoader } from '../../dist/learning/finetune/sampleLoader.js';
import { writeCheckpoint } from '../../dist/learning/checkpointFolder.js';
import { loadEpisodes } from '../../dist/learning/loadEpisodes.js';
import { normalisationOf } from '../../dist/learning/sharedEpisodes.js';
import { ActorTrainer } from '../../dist/network/actorTrainer.js';
import { buildFeatureModel, buildPolicyModel } from '../../dist/network/policyModel.js';

const SHIPPED = new URL('../../src/policy/pretrained/insertion-images/', import.meta.url);
const BATCH = 8;
const WARM_UP = 200;
/** Share of the learning rate that the cosine ends at. */
const FINAL = 0.1;

const { values } = parseArgs({
  options: {
    demos: { type: 'string' },
    count: { type: 'string', default: '60' },
    steps: { type: 'string', default: '4000' },
    out: { type: 'string', default: 'runs/start' },
    seed: { type: 'string', default: '1' },
    dropout: { type: 'string', default: '0.1' },
    /** Without the CVAE's encoder, as act-plus-plus trains in simulation. */
    'no-encoder': { type: 'boolean', default: false },
  },
});
if (values.demos === undefined) throw new Error('give --demos FOLDER');
const steps = Number(values.steps);
const SEED = Number(values.seed);

const manifest = JSON.parse(readFileSync(new URL('policy.json', SHIPPED), 'utf8'));
const eyes = new Map([...storedWeights()].filter(([name]) => name.startsWith('backbone.')));
const episodes = loadEpisodes(EpisodeStore.open(values.demos), {
  task: 'insertion',
  count: Number(values.count),
});
const config = {
  ...manifest.architecture,
  dModel: 128,
  heads: 4,
  feedForward: 512,
  encoderLayers: 2,
  decoderLayers: 1,
  cvae: !values['no-encoder'],
  cvaeLayers: 1,
  dropout: Number(values.dropout),
  auxiliaryWeight: 0,
  environmentStateSize: 0,
  normalisation: normalisationOf(episodes, false),
};
const loader = new SampleLoader({
  chunkSize: config.chunkSize,
  images: manifest.images,
  source: {
    url: new URL('../../dist/daemon/trainingImages.js', import.meta.url).href,
    options: { task: 'insertion' },
  },
  environmentSize: 0,
  featureModel: buildFeatureModel(config, eyes),
  cacheMegabytes: 2500,
});
const trainer = await ActorTrainer.create({
  config,
  batchSize: BATCH,
  seed: SEED,
  groups: [{ prefix: '', learningRate: 3e-4, weightDecay: 1e-4 }],
  optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 1 },
  emaDecay: 0.998,
  threads: 1,
  cachedFeatures: true,
  latent: 'prior',
  state: new Map([...eyes].map(([name, weight]) => [`weights/${name}`, weight])),
});
const chunks = new ChunkSupply(loader);
const actor = { trainer, chunks, chunkSize: config.chunkSize, latentSize: config.latentSize, seed: SEED };
const sampler = new DemonstrationSampler(
  episodes.map(({ path, steps: length }) => ({ path, steps: length })),
  BATCH,
  SEED,
);
for (let step = 0; step < steps; step++) {
  const stream = `bc ${step}`;
  const progress = Math.max(0, (step - WARM_UP) / (steps - WARM_UP));
  const rate = FINAL + (1 - FINAL) * 0.5 * (1 + Math.cos(Math.PI * progress));
  const { batch } = await fetchBatch(actor, () => sampler.batch(step), stream);
  const { l1 } = await trainer.imitate(batch, stream, Math.min(1, (step + 1) / WARM_UP) * rate);
  if ((step + 1) % 100 === 0) console.log(`step ${step + 1} of ${steps}: L1 ${l1.toFixed(4)}`);
}
const weights = trainer.learner.copyWeights('average');
writeCheckpoint(values.out, {
  manifest: {
    name: 'insertion-start',
    task: 'insertion',
    architecture: config,
    chunkSize: config.chunkSize,
    images: manifest.images,
    environmentStateSize: 0,
    normalisation: config.normalisation,
    provenance: { steps, demonstrations: episodes.length, eyes: manifest.name, seed: SEED },
  },
  model: buildPolicyModel(config, weights),
  weights,
  state: trainer.state(),
});
await trainer.close();
await loader.close();

/** Named initializers of the shipped ONNX file: its weights are nowhere else. */
function storedWeights() {
  const graph = fields(readFileSync(new URL('policy.onnx', SHIPPED))).find(
    ({ number }) => number === 7,
  ).bytes;
  const stored = new Map();
  for (const { number, bytes } of fields(graph)) {
    if (number !== 5) continue;
    const parts = fields(bytes);
    const name = parts.find((part) => part.number === 8).bytes.toString();
    const raw = parts.find((part) => part.number === 9)?.bytes;
    const shape = parts
      .filter((part) => part.number === 1)
      .flatMap(({ value, bytes: packed }) => (packed ? varints(packed) : [value]));
    if (raw) stored.set(name, { shape, data: new Float32Array(Uint8Array.from(raw).buffer) });
  }
  return stored;
}

/** Fields of a protobuf message. */
function fields(message) {
  const found = [];
  let at = 0;
  const varint = () => {
    const end = message.subarray(at).findIndex((byte) => byte < 128) + 1;
    const [value] = varints(message.subarray(at, at + end));
    at += end;
    return value;
  };
  while (at < message.length) {
    const key = varint();
    const [number, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) found.push({ number, value: varint() });
    else {
      const length = wire === 2 ? varint() : wire === 5 ? 4 : 8;
      found.push({ number, bytes: message.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}

function varints(bytes) {
  const values_ = [];
  let [value, factor] = [0, 1];
  for (const byte of bytes) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    values_.push(value);
    [value, factor] = [0, 1];
  }
  return values_;
}
