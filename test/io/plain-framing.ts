// The plainest framing there is, for tests of links: four bytes of length, then the frame.
import { Fault } from '../../src/fault.ts';
import type { Framing } from '../../src/io/tcp-link.ts';
import { FRAME_BYTES } from '../../src/limits.ts';

export const framing: Framing = {
  encode(frame) {
    const bytes = new Uint8Array(4 + frame.length);
    new DataView(bytes.buffer).setUint32(0, frame.length);
    bytes.set(frame, 4);
    return bytes;
  },
  decoder(onFrame) {
    let held = Buffer.alloc(0);
    return {
      push(chunk) {
        held = Buffer.concat([held, chunk]);
        while (held.length >= 4) {
          const length = held.readUInt32BE(0);
          if (length > FRAME_BYTES) throw new Fault('bad-message', 'not a frame');
          if (held.length < 4 + length) return;
          const frame = new Uint8Array(held.subarray(4, 4 + length));
          held = held.subarray(4 + length);
          onFrame(frame);
        }
      },
    };
  },
};
