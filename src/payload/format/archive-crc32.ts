/** CRC-32's polynomial, bits reflected, as zip and gzip use it. */
const polynomial = 0xedb88320;

/** Product of two polynomials modulo CRC-32's; the highest bit is the lowest power. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b | 0;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if (((a >>> bit) & 1) === 1) product ^= factor;
    factor = (factor & 1) === 1 ? (factor >>> 1) ^ polynomial : factor >>> 1;
  }
  return product | 0;
}

/** x to the powers 1, 2, 4, 8 …; they repeat after 32 squarings. */
const powers = [0x40000000];
while (powers.length < 32) powers.push(multiply(powers.at(-1)!, powers.at(-1)!));

/** What `bytes` more bytes behind them make of the bits of a CRC: x to the power of 8 * bytes. */
function shift(bytes: number): number {
  let product = 0x80000000 | 0;
  let rest = bytes;
  for (let power = 3; rest > 0; power += 1) {
    if (rest % 2 === 1) product = multiply(powers[power % 32]!, product);
    rest = Math.floor(rest / 2);
  }
  return product;
}

/**
 * The CRC-32 of two byte strings one after the other, from that of the first, and that of the second with its
 * length in bytes: no byte is read. Source: the arithmetic of zlib's crc32_combine.
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(shift(secondBytes), first) ^ second) >>> 0;
}
