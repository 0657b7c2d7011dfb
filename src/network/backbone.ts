/** Image backbones: from normalised images to feature maps. Parameter names are listed in `actParameters.ts`. */
import type { ActConfig, SmallBackbone } from './actConfig.js';
import { backboneChannels, RESNET18_STAGES } from './actParameters.js';
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
  const frozen = (input: Tensor, conv: string, norm: string, stride: number, padding: number) => {
    const weight = parameters(`${conv}.weight`);
    const scale = reshape(parameters(`${norm}.scale`), [weight.shape[0]!, 1, 1, 1]);
    return convolution(input, multiply(weight, scale), parameters(`${norm}.shift`), { stride, padding });
  };
  // ReLU and max commute: this way round there is a quarter as much to keep and to differentiate.
  let y = relu(maxPool(frozen(x, `${prefix}.conv1`, `${prefix}.bn1`, 2, 3), 3, 2, 1));
  RESNET18_STAGES.forEach((channels, stage) => {
    for (const block of [0, 1]) {
      const name = `${prefix}.layer${stage + 1}.${block}`;
      const changes = y.shape[1] !== channels;
      const stride = changes ? 2 : 1;
      const inner = relu(frozen(y, `${name}.conv1`, `${name}.bn1`, stride, 1));
      const shortcut = changes ? frozen(y, `${name}.downsample`, `${name}.downsample`, stride, 0) : y;
      y = relu(add(frozen(inner, `${name}.conv2`, `${name}.bn2`, 1, 1), shortcut));
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
  const biased = (input: Tensor, name: string, stride: number, padding: number) =>
    convolution(input, parameters(`${name}.weight`), parameters(`${name}.bias`), { stride, padding });
  let y = relu(biased(x, `${prefix}.stem`, spec.stem.stride, stemPadding(spec)));
  spec.stages.forEach(({ channels, blocks, stride }, stage) => {
    for (let block = 0; block < blocks; block++) {
      const name = `${prefix}.stage${stage + 1}.${block}`;
      const first = block === 0 ? stride : 1;
      const inner = relu(biased(y, `${name}.conv1`, first, 1));
      const changes = first !== 1 || y.shape[1] !== channels;
      const shortcut = changes ? biased(y, `${name}.shortcut`, first, 0) : y;
      y = relu(add(biased(inner, `${name}.conv2`, 1, 1), shortcut));
    }
  });
  return y;
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
