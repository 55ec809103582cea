/* Every limit that client, server and auditor share, with its reason. Server-only limits are configuration. */
#ifndef PROTO_BASE_LIMITS_H
#define PROTO_BASE_LIMITS_H

#define FRAME_PAYLOAD_MAX                                                                                    \
    (1024u * 1024u)                /* bytes: 1,000 entries of 10 lines fit; bounds memory per connection */
#define COMMANDS_PER_REQUEST 8192u /* commands in one request: TigerBeetle's best batch, see performance.md */
#define RECORD_BYTES_MAX     (64u * 1024u - 1u) /* larger things are attachments, kept by hash */
#define POSTINGS_MAX         1024u              /* per record; 1024 * 20 bytes leaves room for the payload */
#define MOVEMENTS_MAX        512u               /* per record */
#define METHOD_NAME_MAX      64u                /* "Reconciliation.BookDifference" and room */
#define MESSAGE_DEPTH_MAX    8u                 /* nested messages; schemas are not recursive */
#define CODE_TEXT_MAX        10u                /* business and type codes (catalogue 2: code <= 10) */
#define NAME_TEXT_MAX        200u               /* names of accounts, businesses, types (catalogue 2) */
#define DESCRIPTION_TEXT_MAX 1000u              /* descriptions and notes */
#define LINE_TEXT_MAX        200u               /* journal line description (catalogue 2.3, 11) */
#define REFERENCE_TEXT_MAX   100u               /* receipt, invoice, M-Pesa code */
#define EMAIL_TEXT_MAX       254u               /* RFC 5321 */
#define PHONE_TEXT_MAX       20u                /* E.164 and room */
#define NUMBER_TEXT_MAX      50u                /* document number as text: no longer (catalogue 0) */
#define AGENT_TEXT_MAX       100u               /* client program name and version */
#define TAGS_MAX             32u                /* tags per entry or line */
#define STREAM_CREDIT_MAX    64u                /* parts a client may grant at once */
#define BUSINESSES_MAX       1024u /* ids 0 (HQ) .. 1023: access sets are bit sets of this size */

#endif
