// The journal of docs/journal-format.md: records, chain, tree, proofs, checkpoints.
import crypto from 'node:crypto';

const sha256 = (...parts) => {
  const hash = crypto.createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const node = (left, right) => sha256(NODE, left, right);

export const recordHash = (bytes) => sha256(LEAF, bytes);

export function decodeRecord(bytes) {
  const r = {
    format: bytes.readUInt8(0), flags: bytes.readUInt8(1), type: bytes.readUInt16BE(2),
    business: bytes.readUInt16BE(6), position: bytes.readBigUInt64BE(8), time: bytes.readBigInt64BE(16),
    commandId: bytes.subarray(24, 40), session: bytes.readBigUInt64BE(40), user: bytes.readUInt32BE(48),
    date: bytes.readUInt32BE(52), series: bytes.readUInt16BE(56), number: bytes.readUInt32BE(64),
    cause: bytes.readBigUInt64BE(72), previous: bytes.subarray(88, 120), postings: [],
  };
  const postings = bytes.readUInt16BE(58);
  const movements = bytes.readUInt16BE(60);
  const payloadAt = 120 + 20 * postings + 28 * movements;
  if (r.format !== 1 || r.flags !== 0 || bytes.readUInt16BE(62) !== 0 ||
      payloadAt + bytes.readUInt32BE(68) !== bytes.length) throw new Error(`record form at position ${r.position}`);
  for (let at = 120; at < 120 + 20 * postings; at += 20) {
    r.postings.push({ account: bytes.readUInt32BE(at), business: bytes.readUInt16BE(at + 4),
      currency: bytes.readUInt16BE(at + 6), amount: bytes.readBigInt64BE(at + 12) });
  }
  r.payload = bytes.subarray(payloadAt);
  return r;
}

// Sums to zero per business and currency.
export function balanced(record) {
  const sums = new Map();
  for (const { business, currency, amount } of record.postings) {
    if (amount === 0n) return false;
    const key = `${business}/${currency}`;
    sums.set(key, (sums.get(key) || 0n) + amount);
  }
  return [...sums.values()].every((sum) => sum === 0n);
}

const ENTRY_REVERSED = 31;
const YEAR_CLOSED = 53;
const same = (a, b, sign) => a.length === b.length && a.every((p, i) => p.account === b[i].account &&
  p.business === b[i].business && p.currency === b[i].currency && p.amount === sign * b[i].amount);

// The rules of docs/journal-format.md section 4 that look at other records: numbering, reversals, ids. Feed it every record in
// order; `broken` lists what does not hold.
export class Rules {
  constructor() {
    this.broken = [];
    this.last = new Map(); // series and date -> number
    this.ids = new Set();
    this.entries = new Map(); // position -> { type, postings }
    this.reversed = new Set();
  }
  take(r) {
    const wrong = (rule) => this.broken.push(`${rule} at ${r.position}`);
    if (r.series !== 0) {
      const key = `${r.series}/${r.date}`;
      if (r.number !== (this.last.get(key) || 0) + 1) wrong('D1');
      this.last.set(key, r.number);
    }
    if (r.type === ENTRY_REVERSED) {
      const original = this.entries.get(r.cause);
      if (!original || this.reversed.has(r.cause) || original.type === ENTRY_REVERSED || original.type === YEAR_CLOSED ||
          !same(r.postings, original.postings, -1n)) wrong('D2');
      this.reversed.add(r.cause);
    }
    const id = r.commandId.toString('hex');
    if (!/^0+$/.test(id)) {
      if (this.ids.has(id)) wrong('I1');
      this.ids.add(id);
    }
    if (r.session >= r.position || (r.session !== 0n && r.user === 0)) wrong('I2');
    if (r.postings.length !== 0) this.entries.set(r.position, { type: r.type, postings: r.postings });
  }
}

// Root by the definition of RFC 6962 2.1, folded level by level: an odd last node goes up alone.
export function root(hashes) {
  let row = hashes;
  if (row.length === 0) return sha256();
  while (row.length > 1) {
    const next = [];
    for (let i = 0; i < row.length; i += 2) next.push(i + 1 < row.length ? node(row[i], row[i + 1]) : row[i]);
    row = next;
  }
  return row[0];
}

// RFC 9162 2.1.3.2
export function verifyInclusion(index, size, leaf, proof, expected) {
  if (index >= size) return false;
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  let r = leaf;
  for (const p of proof) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      r = node(p, r);
      while ((fn & 1n) === 0n && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      r = node(r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && r.equals(expected);
}

// RFC 9162 2.1.4.2
export function verifyConsistency(oldSize, newSize, oldRoot, newRoot, proof) {
  if (oldSize > newSize) return false;
  if (oldSize === newSize) return proof.length === 0 && oldRoot.equals(newRoot);
  if (oldSize === 0) return proof.length === 0;
  let path = proof;
  if (Number.isInteger(Math.log2(oldSize))) path = [oldRoot, ...proof];
  if (path.length === 0) return false;
  let fn = BigInt(oldSize) - 1n;
  let sn = BigInt(newSize) - 1n;
  while ((fn & 1n) === 1n) { fn >>= 1n; sn >>= 1n; }
  let fr = path[0];
  let sr = path[0];
  for (const c of path.slice(1)) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      fr = node(c, fr);
      sr = node(c, sr);
      while ((fn & 1n) === 0n && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      sr = node(sr, c);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && fr.equals(oldRoot) && sr.equals(newRoot);
}

// A signed checkpoint and the log's verifier key -> { name, size, root }; throws when anything is wrong.
export function openCheckpoint(note, vkey) {
  const text = Buffer.from(note).toString('utf8');
  const [name, idText, keyText] = [vkey.split('+')[0], vkey.split('+')[1], vkey.split('+').slice(2).join('+')];
  const key = Buffer.from(keyText, 'base64');
  const id = sha256(Buffer.from(`${name}\n`), key).subarray(0, 4);
  if (key.length !== 33 || key[0] !== 1 || id.toString('hex') !== idText) throw new Error('verifier key');
  const cut = text.lastIndexOf('\n\n');
  const body = text.slice(0, cut + 1);
  const line = text.slice(cut + 2).split('\n').find((one) => one.startsWith(`\u2014 ${name} `));
  if (cut < 0 || !line) throw new Error('no signature by the log');
  const signature = Buffer.from(line.split(' ')[2], 'base64');
  const publicKey = crypto.createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.subarray(1)]),
    format: 'der', type: 'spki' });
  if (!signature.subarray(0, 4).equals(id) ||
      !crypto.verify(null, Buffer.from(body), publicKey, signature.subarray(4))) throw new Error('bad signature');
  const [origin, size, rootText] = body.split('\n');
  if (origin !== name) throw new Error('origin');
  return { name, size: Number(size), root: Buffer.from(rootText, 'base64') };
}
