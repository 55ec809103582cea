// A client written from docs/protocol.md, docs/journal-format.md and proto/schema alone, with stock protobufjs. It talks to a
// running server and says in TAP what held.
//   node client.mjs SCHEMAS HOST PORT CA.crt EMAIL PASSWORD-FILE
import fs from 'node:fs';
import { Connection, Fault, Schemas, newId } from './wire.mjs';
import * as journal from './journal.mjs';

const [schemaFolder, host, port, caFile, email, passwordFile] = process.argv.slice(2);
const password = fs.readFileSync(passwordFile, 'utf8').replace(/\n$/, '');
const schemas = new Schemas(schemaFolder);
const where = { host, port: Number(port), ca: fs.readFileSync(caFile), servername: process.env.SERVERNAME || 'localhost' };
const STATUS = schemas.enum('Status');
const REASON = schemas.enum('Reason');
const ROW = schemas.enum('RowKind');

let count = 0;
let failures = 0;
function check(good, what) {
  count += 1;
  if (!good) failures += 1;
  console.log(`${good ? 'ok' : 'not ok'} ${count} - ${what}`);
}
async function faultOf(promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return { status: STATUS.OK };
}
const hashes = (list) => list.map((bytes) => Buffer.from(bytes));

async function greet() {
  let refused = false;
  try {
    await Connection.open(schemas, { ...where, alpn: [] }, {});
  } catch {
    refused = true;
  }
  check(refused, 'without ALPN there is no conversation');

  const connection = await Connection.open(schemas, where, {});
  check(connection.socket.getProtocol() === 'TLSv1.3' && connection.socket.alpnProtocol === 'daftari/1', 'TLS 1.3 and daftari/1');
  check(connection.welcome.version === 1 && !connection.welcome.session, 'Welcome, and nobody is logged in');
  const first = journal.openCheckpoint(connection.welcome.checkpoint, connection.welcome.log_key);
  check(first.size > 0, `the checkpoint of ${first.size} records is signed by the log`);
  check((await faultOf(connection.query('Books.Show', {}))).status === STATUS.UNAUTHENTICATED, 'a query without log-in is UNAUTHENTICATED');
  check((await faultOf(connection.query('Login.LogIn', { email, password: 'not the password' }))).status === STATUS.UNAUTHENTICATED,
    'a wrong password is UNAUTHENTICATED');
  const session = await connection.query('Login.LogIn', { email, password });
  check(session.token.length === 32 && session.email === email, 'log-in gives a session with a token');
  const me = await connection.query('Login.WhoAmI', {});
  check(me.email === email, 'the server knows who it is');
  return { connection, first, session };
}

// Accounts and entries; gives what was recorded.
async function write(connection) {
  const cash = 1998;
  const sales = 4998;
  await connection.command('Account.Open', { number: cash, name: 'Interop cash' });
  await connection.command('Account.Open', { number: sales, name: 'Interop sales' });
  const books = await connection.query('Books.Show', {});
  const entry = (amount, credit = amount) => ({
    description: 'Maji \u2014 sold by protobufjs', date: books.today_date, reference: 'interop',
    lines: [{ account: cash, debit_minor: amount, description: 'cash' }, { account: sales, credit_minor: credit }],
  });

  const id = newId();
  const posted = await connection.command('Entry.Post', entry(125050), id);
  check(/^JE-\d{8}-\d{4,}$/.test(posted.number) && posted.position > 0, `an entry is posted as ${posted.number}`);
  const again = await connection.command('Entry.Post', entry(125050), id);
  check(again.position.equals(posted.position) && again.number === posted.number, 'the same bytes under the same id are answered alike');
  const other = await faultOf(connection.command('Entry.Post', entry(125051), id));
  check(other.status === STATUS.KEY_REUSED, 'other content under the same id is KEY_REUSED');
  const unbalanced = await faultOf(connection.command('Entry.Post', entry(100, 99)));
  check(unbalanced.status === STATUS.REFUSED && unbalanced.reason === REASON.ENTRY_UNBALANCED, 'an unbalanced entry is REFUSED');
  const form = await faultOf(connection.command('Entry.Post', { ...entry(100), description: 'bell \u0007' }));
  check(form.status === STATUS.INVALID && form.field === 'description', 'a control character is INVALID and the field is named');

  const batch = await connection.commands('Entry.Post', [entry(100), entry(200, 1), entry(300)]);
  check(batch.map((answer) => answer.status).join() === [STATUS.OK, STATUS.REFUSED, STATUS.OK].join(),
    'three commands in a request are answered one by one');
  const many = await connection.commands('Entry.Post', Array.from({ length: 2000 }, (_, n) => entry(n + 1)));
  check(many.length === 2000 && many.every((answer) => answer.status === STATUS.OK), 'two thousand entries go in one request');
  const beside = await Promise.all([1, 2, 3, 4, 5].map((n) => connection.command('Entry.Post', entry(n))));
  check(new Set(beside.map((recorded) => recorded.number)).size === 5, 'five requests at once get five numbers');
  const last = beside.reduce((most, one) => (one.position.greaterThan(most) ? one.position : most), posted.position);
  return { cash, sales, posted, last, id, body: connection.body('Entry.Post', entry(125050)), today: books.today_date };
}

async function read(connection, written) {
  const at_least_position = written.last;
  const shown = await connection.query('Entry.Show', { number: written.posted.number }, { at_least_position });
  const line = shown.lines.find((one) => one.account === written.cash);
  check(shown.position.equals(written.posted.position) && shown.description === 'Maji \u2014 sold by protobufjs' &&
    line.debit_minor.toNumber() === 125050 && shown.lines.length === 2, 'Entry.Show reads back what was posted');

  const parts = [];
  await connection.stream('Report.Run', { report: 'trial-balance', as_at_date: written.today }, (part) => { parts.push(part); }, { at_least_position });
  const rows = parts.flatMap((part) => part.rows);
  const width = parts[0].columns.length;
  const mine = rows.find((row) => row.cells.includes(String(written.cash)));
  check(width > 2 && rows.every((row) => row.cells.length === width), 'the trial balance has a cell for every column');
  check(mine !== undefined && mine.cells.some((cell) => cell.replaceAll(',', '') === '21264.65'),
    'the new account is in the trial balance with its sum');
  check(rows.some((row) => row.kind === ROW.TOTAL), 'and there is a total');

  const reversed = await connection.command('Entry.Reverse', { number: written.posted.number, reason: 'interop' });
  const after = await connection.query('Entry.Show', { number: written.posted.number }, { at_least_position: reversed.position });
  check(after.status === 'reversed' && after.reversed_by.equals(reversed.position), 'a reversal is linked both ways');
}

async function audit(connection, first, written) {
  const { note, log_key } = await connection.query('Log.Checkpoint', {});
  const now = journal.openCheckpoint(note, log_key);
  const leaves = [];
  let parts = 0;
  let chained = true;
  let sound = true;
  let previous = Buffer.alloc(32);
  let time = -1n;
  let own = null;
  const rules = new journal.Rules();
  await connection.stream('Log.Follow', { from_position: 1, to_position: now.size }, (part) => {
    parts += 1;
    for (const raw of hashes(part.records)) {
      const record = journal.decodeRecord(raw);
      chained &&= record.previous.equals(previous) && record.position === BigInt(leaves.length + 1) && record.time > time;
      sound &&= journal.balanced(record);
      rules.take(record);
      if (record.commandId.equals(written.id)) own = record;
      previous = journal.recordHash(raw);
      time = record.time;
      leaves.push(previous);
    }
  }, { credit: 1 });
  check(leaves.length === now.size && parts > 1, `the log gives ${now.size} records in ${parts} parts, each granted`);
  check(chained, 'positions, times and the chain of hashes hold');
  check(sound, 'every record sums to zero per business and currency');
  check(rules.broken.length === 0 && rules.reversed.size > 0, `numbers, reversals and ids keep the rules ${rules.broken.slice(0, 3)}`);
  check(journal.root(leaves).equals(now.root), 'the root over them is that of the signed checkpoint');
  check(journal.root(leaves.slice(0, first.size)).equals(first.root), 'and over the first ones that of the checkpoint seen at the start');
  check(own !== null && own.type === 30 && own.payload.equals(written.body), 'the payload is the request, byte for byte');
  check(own.postings.length === 2 && own.postings[0].amount === 125050n && own.postings[1].amount === -125050n, 'its postings are the lines');

  const index = Number(own.position) - 1;
  const inclusion = await connection.query('Log.Inclusion', { position: Number(own.position), size: now.size });
  check(journal.verifyInclusion(index, now.size, leaves[index], hashes(inclusion.hashes), now.root), 'an inclusion proof holds');
  const growth = await connection.query('Log.Consistency', { old_size: first.size, new_size: now.size });
  check(journal.verifyConsistency(first.size, now.size, first.root, now.root, hashes(growth.hashes)), 'a consistency proof holds');
  return now;
}

// Waits at the end of the log for what another connection writes.
async function follow(connection, other, size, written) {
  let seen = null;
  const following = connection.stream('Log.Follow', { from_position: size + 1, wait: true }, (part) => {
    seen = journal.decodeRecord(Buffer.from(part.records[0]));
    return false;
  });
  const recorded = await other.command('Entry.Post', { description: 'while somebody follows', date: written.today,
    lines: [{ account: written.cash, debit_minor: 1 }, { account: written.sales, credit_minor: 1 }] });
  const ended = await faultOf(following);
  check(seen !== null && seen.position === BigInt(recorded.position.toString()), 'who follows the log sees a new record');
  check(ended.status === STATUS.OK || ended.status === STATUS.CANCELLED, 'a stream ends when it is cancelled');
}

async function main() {
  const { connection, first, session } = await greet();
  const written = await write(connection);
  await read(connection, written);
  const now = await audit(connection, first, written);

  const second = await Connection.open(schemas, where, { session_token: session.token, seen_size: now.size });
  const latest = journal.openCheckpoint(second.welcome.checkpoint, second.welcome.log_key);
  check(second.welcome.session && second.welcome.session.email === email, 'the token takes up the session on another connection');
  check(journal.verifyConsistency(now.size, latest.size, now.root, latest.root, hashes(second.welcome.consistency)),
    'Welcome proves that the log has only grown');
  await follow(connection, second, latest.size, written);

  await second.command('Login.LogOut', {});
  check((await faultOf(connection.query('Books.Show', {}))).status === STATUS.UNAUTHENTICATED, 'log-out ends the session on every connection');
  const third = await Connection.open(schemas, where, { session_token: session.token });
  check(!third.welcome.session, 'and its token is good for nothing');
  third.sendBytes(9, Buffer.alloc(0));
  await third.closed;
  check(typeof third.goodbye === 'string' && third.goodbye.length > 0, `a bad frame ends the connection: ${third.goodbye}`);
  await Promise.all([connection.close(), second.close()]);
  console.log(`1..${count}`);
  process.exitCode = failures === 0 ? 0 : 1;
}

main().catch((error) => {
  console.log(`not ok ${count + 1} - ${error.stack}`);
  process.exitCode = 1;
});
