/** Image backbones: from normalised images to feature maps. Parameter names are listed in `actParameters.ts`. */
import type { ActConfig, SmallBackbone } from './actConfig.js';
import { backboneChannels, RESNET18_STAGES } from './actParameters.js';
import { block, blockedConvolution, prefersBlocks, unblock } from './blockedConvolution.js';
import { convolution } from './convolution.js';
import type { Tensor } from './graph.js';
import { add, multiply, relu, reshape } from './operators.js';
import { maxPool } from './pooling.js';

/** Looks a parameter up by name. */
export type Parameters = (name: string) => Tensor;

/**
 * torchvision's ResNet18 up to layer4, stride 32, 512 channels. Frozen batch normalisation is folded into the
 * convolution (scaled weight, shift as bias), so that onnxruntime can fuse convolution and ReLU.
 */
export function resnet18(x: Tensor, prefix: string, parameters: Parameters): Tensor {
  const folded = (conv: string, norm: string) => {
    const weight = parameters(`${conv}.weight`);
    const scale = reshape(parameters(`${norm}.scale`), [weight.shape[0]!, 1, 1, 1]);
    return [multiply(weight, scale), parameters(`${norm}.shift`)] as const;
  };
  const stem = convolution(x, ...folded(`${prefix}.conv1`, `${prefix}.bn1`), { stride: 2, padding: 3 });
  // ReLU and max commute: this way round there is a quarter as much to keep and to differentiate.
  let y = relu(maxPool(stem, 3, 2, 1));
  RESNET18_STAGES.forEach((channels, stage) => {
    for (const index of [0, 1]) {
      const name = `${prefix}.layer${stage + 1}.${index}`;
      const changes = y.shape[1] !== channels;
      const shortcut = changes ? folded(`${name}.downsample`, `${name}.downsample`) : undefined;
      const first = folded(`${name}.conv1`, `${name}.bn1`);
      y = residual(y, first, folded(`${name}.conv2`, `${name}.bn2`), shortcut, changes ? 2 : 1);
    }
  });
  return y;
}

/** The small residual network of `spec`. */
export function smallBackbone(
  x: Tensor,
  spec: SmallBackbone,
  prefix: string,
  parameters: Parameters,
): Tensor {
  const part = (name: string) => [parameters(`${name}.weight`), parameters(`${name}.bias`)] as const;
  const stem = { stride: spec.stem.stride, padding: stemPadding(spec) };
  let y = relu(convolution(x, ...part(`${prefix}.stem`), stem));
  spec.stages.forEach(({ channels, blocks, stride }, stage) => {
    for (let index = 0; index < blocks; index++) {
      const name = `${prefix}.stage${stage + 1}.${index}`;
      const first = index === 0 ? stride : 1;
      const changes = first !== 1 || y.shape[1] !== channels;
      const shortcut = changes ? part(`${name}.shortcut`) : undefined;
      y = residual(y, part(`${name}.conv1`), part(`${name}.conv2`), shortcut, first);
    }
  });
  return y;
}

/** Weight and bias. */
type Part = readonly [Tensor, Tensor];

/** Two 3x3 convolutions beside a shortcut (He et al. 2016): 1x1 where the size changes, else the identity. */
function residual(x: Tensor, first: Part, second: Part, shortcut: Part | undefined, stride: number): Tensor {
  const outer = { stride, padding: 1 };
  const inner = { stride: 1, padding: 1 };
  const cut = { stride, padding: 0 };
  if (prefersBlocks(x, first[0].shape[0]!, stride)) {
    const blocked = block(x);
    const y = blockedConvolution(blocked, ...first, { ...outer, relu: true });
    const plus = shortcut ? blockedConvolution(blocked, ...shortcut, cut) : blocked;
    return unblock(blockedConvolution(y, ...second, { ...inner, plus, relu: true }));
  }
  const y = convolution(relu(convolution(x, ...first, outer)), ...second, inner);
  return relu(add(y, shortcut ? convolution(x, ...shortcut, cut) : x));
}

/** A stem that cuts patches needs no padding. */
function stemPadding({ stem: { kernel, stride } }: SmallBackbone): number {
  return kernel === stride ? 0 : Math.floor(kernel / 2);
}

/** Shape (channels, height, width) of the feature map of an image. */
export function featureShape(
  config: ActConfig,
  camera: ActConfig['cameras'][number],
): [number, number, number] {
  const { backbone } = config;
  const length = (size: number) => {
    if (backbone.kind === 'resnet18') return Math.ceil(size / 32); // five times halved, rounded up
    const { kernel, stride } = backbone.stem;
    const stem = Math.floor((size + 2 * stemPadding(backbone) - kernel) / stride) + 1;
    return backbone.stages.reduce((rest, stage) => Math.ceil(rest / stage.stride), stem);
  };
  return [backboneChannels(config), length(camera.height), length(camera.width)];
}
