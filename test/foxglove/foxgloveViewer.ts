/** A bare viewer, written from the protocol's text: keeps what it is told. */
import { WebSocket } from 'ws';

interface Text {
  readonly op: string;
  readonly level?: number;
  readonly message?: string;
  readonly channels?: readonly { id: number; topic: string; schema: string; encoding: string }[];
}

export class FoxgloveViewer {
  readonly socket: WebSocket;
  readonly texts: Text[] = [];
  readonly messages: { subscription: number; timeNs: bigint; payload: Uint8Array }[] = [];

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}`, ['foxglove.sdk.v1']);
    this.socket.on('error', () => {});
    this.socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) {
        this.texts.push(JSON.parse(data.toString()));
        return;
      }
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      if (view.getUint8(0) !== 1) throw new Error('not a message of a channel');
      this.messages.push({
        subscription: view.getUint32(1, true),
        timeNs: view.getBigUint64(5, true),
        payload: Uint8Array.from(data.subarray(13)),
      });
    });
  }

  get channels() {
    return this.texts.flatMap(({ channels = [] }) => channels);
  }

  /** Number of the channel of a topic, waited for. */
  async channel(topic: string): Promise<number> {
    const found = () => this.channels.find((channel) => channel.topic === topic);
    await this.until(() => found() !== undefined);
    return found()!.id;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
