import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newTsigKey } from '../../../../test/support/dns/zone-server.ts';
import { DnsFault } from '../../provider.ts';
import { quoteText, unquoteText } from '../../records.ts';
import { CLASS, OPCODE, TYPE, decodeMessage, decodeRecord, encodeMessage, encodeValue } from './message.ts';
import { signMessage, verifyAnswer } from './tsig.ts';
import { encodeName, readName } from './wire.ts';

const NOW = 1_795_400_000;
const key = newTsigKey();
const query = encodeMessage({
  id: 7,
  opcode: OPCODE.query,
  question: { name: 'a.example.com', type: TYPE.A },
});
/** An answer with one record; the flags say that it is one. */
const answer = (() => {
  const record = { name: 'a.example.com', type: TYPE.TXT, class: CLASS.IN, ttl: 60 };
  const data = encodeValue('TXT', 'hello');
  const message = encodeMessage({
    id: 7,
    opcode: OPCODE.query,
    question: { name: 'a.example.com', type: TYPE.TXT },
    prerequisites: [{ ...record, data }],
  });
  message.writeUInt16BE(0x8400, 2);
  return message;
})();

/** A server's signature also covers that of the question. */
function signedAnswer(requestMac: Buffer, seconds = NOW): Buffer {
  const prefix = Buffer.concat([Buffer.from([0, requestMac.length]), requestMac]);
  const { mac } = signMessage(Buffer.concat([prefix, answer]), key, seconds);
  const { signed } = signMessage(answer, key, seconds);
  mac.copy(signed, signed.length - mac.length - 6);
  return signed;
}

describe('signatures', () => {
  const { mac: requestMac } = signMessage(query, key, NOW);
  const verify = (bytes: Buffer, seconds = NOW) =>
    verifyAnswer(bytes, decodeMessage(bytes), { key, requestMac, seconds });

  test('an answer that the key signed is taken', () => {
    expect(() => verify(signedAnswer(requestMac))).not.toThrow();
  });

  test('one without, of another question, or of another time is refused', () => {
    expect(() => verify(answer)).toThrow('is not signed');
    expect(() => verify(signedAnswer(Buffer.alloc(32)))).toThrow('does not carry the signature');
    expect(() => verify(signedAnswer(requestMac), NOW + 301)).toThrow('BADTIME');
  });

  test('whichever bit is changed, it is refused', () => {
    const signed = signedAnswer(requestMac);
    for (let bit = 0; bit < signed.length * 8; bit++) {
      const changed = Buffer.from(signed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // The id is put back from the signature, and whether it is the question's is looked at elsewhere.
      if (bit >> 3 < 2) continue;
      // Names of key and algorithm are the same in upper and lower case.
      const isLetter = /[a-z]/i.test(String.fromCharCode(signed[bit >> 3] ?? 0));
      if (isLetter && (bit & 7) === 5 && bit >> 3 < answer.length + 40) continue;
      expect(() => verify(changed), `bit ${bit}`).toThrow(DnsFault);
    }
  });
});

describe('messages', () => {
  test('whatever comes is read or refused, and never hangs or crashes', () => {
    const read = (bytes: Buffer) => {
      const message = decodeMessage(bytes);
      return message.answers.map((record) => decodeRecord(bytes, record));
    };
    const isHandled = (bytes: Buffer) => {
      try {
        read(bytes);
        return true;
      } catch (error) {
        return error instanceof DnsFault;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => isHandled(Buffer.from(bytes))));
    const position = fc.nat({ max: answer.length - 1 });
    const damage = fc.array(fc.tuple(position, fc.nat({ max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(damage, position, (changes, length) => {
        const bytes = Buffer.from(answer);
        for (const [at, value] of changes) bytes[at] = value;
        return isHandled(bytes) && isHandled(bytes.subarray(0, length));
      }),
    );
  });

  test('names are read as they are written', () => {
    const label = fc.stringMatching(/^[a-z0-9_*-]{1,20}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 8 }), (labels) => {
        const encoded = encodeName(labels.join('.'));
        return readName(encoded, 0).name === labels.join('.') && readName(encoded, 0).next === encoded.length;
      }),
    );
    for (const bad of ['a..b', 'x'.repeat(64), Array.from({ length: 130 }, () => 'a').join('.')])
      expect(() => encodeName(bad)).toThrow('no name that DNS can hold');
  });

  test('a pointer in circles is refused', () => {
    expect(() => readName(Buffer.from([0xc0, 0x00]), 0)).toThrow('cannot be read');
    expect(() => readName(Buffer.from([0x01, 0x61, 0xc0, 0x00]), 0)).toThrow('cannot be read');
  });

  test('texts are read as they are written, on the wire and in quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        fc.pre(text.isWellFormed());
        const data = encodeValue('TXT', text);
        const record = { name: 'a', type: TYPE.TXT, class: CLASS.IN, ttl: 0, data, start: 0, dataStart: 0 };
        return decodeRecord(data, record)?.value === text && unquoteText(quoteText(text)) === text;
      }),
    );
  });
});
