/** Images whose every pixel says which episode, step and camera they show: for tests of the loaders. */
export async function createImages(options) {
  return {
    image(episode, step, request, rgb) {
      if (options?.failAtStep === step) throw new Error(`no image of step ${step}`);
      const camera = request.camera.length;
      for (let i = 0; i < rgb.length; i++) rgb[i] = (episode.info.seed * 7 + step * 3 + camera + i) % 256;
    },
  };
}
