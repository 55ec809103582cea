/* Public test values of signed notes: the key and note of Go's sumdb/note, the example of C2SP signed-note; and a
 * checkpoint of ours, frozen. Ed25519 is deterministic, so signing gives these very bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/text.h"
#include "proto/record/note.h"
#include "tests/support/hex.h"

#define PETER_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_TEXT                                                                                           \
    "If you think cryptography is the answer to your problem,\n"                                             \
    "then you don't know what your problem is.\n"
#define PETER_SIGNATURE                                                                                      \
    "\xe2\x80\x94 PeterNeumann "                                                                             \
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define EXAMPLE_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define EXAMPLE_TEXT "This is an example message.\n"
#define EXAMPLE_SIGNATURE                                                                                    \
    "\xe2\x80\x94 example.com/foo "                                                                          \
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"

static struct note_verifier verifier_of(const char *vkey)
{
    struct note_verifier verifier;
    assert_int_equal(note_vkey_parse(slice_text(vkey), &verifier, NULL), STATUS_OK);
    return verifier;
}

static struct note_signer peter(void)
{
    uint8_t seed[NOTE_KEY_BYTES];
    struct note_signer signer;
    hex_bytes("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173", seed, sizeof seed);
    assert_int_equal(note_signer_from_seed("PeterNeumann", seed, &signer), STATUS_OK);
    return signer;
}

static void keys(void **state)
{
    (void)state;
    struct note_signer signer = peter();
    struct note_verifier verifier, parsed = verifier_of(PETER_VKEY);
    note_verifier_of(&signer, &verifier);
    assert_int_equal(verifier.key_id, 0xc74f20a3);
    assert_memory_equal(verifier.public_key, parsed.public_key, NOTE_KEY_BYTES);
    char vkey[NOTE_VKEY_MAX];
    assert_int_equal(note_vkey_format(&verifier, vkey), STATUS_OK);
    assert_string_equal(vkey, PETER_VKEY);

    /* No part of it is a key, and no byte may be another. */
    struct note_verifier untouched = {.key_id = 7};
    for (size_t from = 0; from <= strlen(PETER_VKEY); from++)
        for (size_t to = from; to <= strlen(PETER_VKEY); to++)
            if (from != 0 || to != strlen(PETER_VKEY))
                assert_int_equal(note_vkey_parse(slice_of(&PETER_VKEY[from], to - from), &untouched, NULL),
                                 STATUS_INVALID);
    for (size_t i = 0; i < strlen(PETER_VKEY); i++)
        for (int add = 1; add < 256; add++) {
            memcpy(vkey, PETER_VKEY, sizeof PETER_VKEY);
            vkey[i] = (char)(vkey[i] + add);
            assert_int_equal(note_vkey_parse(slice_of(vkey, strlen(PETER_VKEY)), &untouched, NULL),
                             STATUS_INVALID);
        }
    static const char *const bad[] = {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(note_vkey_parse(slice_text(bad[i]), &untouched, NULL), STATUS_INVALID);
    assert_int_equal(untouched.key_id, 7);

    static const char *const bad_names[] = {"",
                                            "a b",
                                            "a+b",
                                            "a\tb",
                                            "a\nb",
                                            "a\xc2\xa0"
                                            "b",
                                            "a\xe3\x80\x80"
                                            "b",
                                            "a\xe2\x80\x83",
                                            "\xe2\x80\xa8x",
                                            "a\xff",
                                            "a\x7f",
                                            "a\xe1\x9a\x80",
                                            "\xe2\x81\x9f",
                                            "a\xc2\x85",
                                            "a\xe2\x80\xaf"};
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        assert_int_equal(note_signer_from_seed(bad_names[i], signer.seed, &signer), STATUS_INVALID);
    char long_name[NOTE_NAME_MAX + 1];
    memset(long_name, 'n', sizeof long_name);
    long_name[NOTE_NAME_MAX] = '\0';
    assert_int_equal(note_signer_from_seed(long_name, signer.seed, &signer), STATUS_INVALID);
    long_name[NOTE_NAME_MAX - 1] = '\0';
    assert_int_equal(note_signer_from_seed(long_name, signer.seed, &signer), STATUS_OK);
    assert_int_equal(note_signer_from_seed("duka.example/maji-\xc3\xa9", signer.seed, &signer), STATUS_OK);
}

static void public_notes(void **state)
{
    (void)state;
    struct note_signer signer = peter();
    char note[NOTE_TEXT_MAX];
    size_t len;
    assert_int_equal(note_sign(slice_text(PETER_TEXT), &signer, note, &len), STATUS_OK);
    assert_string_equal(note, PETER_TEXT "\n" PETER_SIGNATURE);
    assert_int_equal(len, strlen(note));

    struct note_verifier peters = verifier_of(PETER_VKEY), examples = verifier_of(EXAMPLE_VKEY);
    struct slice text;
    assert_int_equal(note_open(slice_text(note), &peters, &text, NULL), STATUS_OK);
    assert_true(slice_equal(text, slice_text(PETER_TEXT)));
    assert_int_equal(note_open(slice_text(EXAMPLE_TEXT "\n" EXAMPLE_SIGNATURE), &examples, &text, NULL),
                     STATUS_OK);
    assert_true(slice_equal(text, slice_text(EXAMPLE_TEXT)));

    struct fault why = {0};
    assert_int_equal(note_open(slice_text(note), &examples, &text, &why), STATUS_CORRUPT);
    assert_string_equal(why.field, "signature");
    /* Other keys' signatures are ignored, whatever their length; ours may come anywhere and twice. */
    assert_int_equal(
        note_open(slice_text(PETER_TEXT "\n" EXAMPLE_SIGNATURE PETER_SIGNATURE), &peters, &text, NULL),
        STATUS_OK);
    assert_int_equal(
        note_open(slice_text(PETER_TEXT "\n" PETER_SIGNATURE PETER_SIGNATURE), &peters, &text, NULL),
        STATUS_OK);
    assert_int_equal(note_open(slice_text(PETER_TEXT "\n" PETER_SIGNATURE "\xe2\x80\x94 w AAAAAAA=\n"),
                               &peters, &text, NULL),
                     STATUS_OK);
    /* A bad one in our name condemns the note even beside a good one. */
    assert_int_equal(
        note_open(slice_text(PETER_TEXT "\n" PETER_SIGNATURE "\xe2\x80\x94 PeterNeumann x08gowAA\n"), &peters,
                  &text, NULL),
        STATUS_CORRUPT);
}

static void malformed_notes(void **state)
{
    (void)state;
    struct note_verifier peters = verifier_of(PETER_VKEY);
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        PETER_TEXT,
        PETER_TEXT "\n",
        PETER_TEXT PETER_SIGNATURE,
        "\n" PETER_SIGNATURE,
        "\n\n" PETER_SIGNATURE,
        PETER_TEXT "\n\n" PETER_SIGNATURE,
        PETER_TEXT "\n" PETER_SIGNATURE "\n",
        PETER_TEXT "\n" PETER_SIGNATURE "more\n",
        PETER_TEXT "\n-- PeterNeumann x08gowAA\n",
        PETER_TEXT "\n\xe2\x80\x94 PeterNeumann\n",
        PETER_TEXT "\n\xe2\x80\x94 PeterNeumann \n",
        PETER_TEXT "\n\xe2\x80\x94 PeterNeumann AAAA\n",
        PETER_TEXT "\n\xe2\x80\x94 PeterNeumann x08gow==\n",
        PETER_TEXT "\n\xe2\x80\x94  x08gowAA\n",
        PETER_TEXT "\n\xe2\x80\x94 Peter+Neumann x08gowAA\n" PETER_SIGNATURE,
        "then\tyou\n\n" PETER_SIGNATURE,
        "then\ryou\n\n" PETER_SIGNATURE,
        "then\xffyou\n\n" PETER_SIGNATURE,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slice text = {0};
        struct fault why = {0};
        assert_int_equal(note_open(slice_text(bad[i]), &peters, &text, &why), STATUS_CORRUPT);
        assert_true(why.text[0] != '\0');
        assert_null(text.ptr);
    }
    struct note_signer signer = peter();
    char note[NOTE_TEXT_MAX], long_text[NOTE_TEXT_MAX];
    size_t len;
    static const char *const unsignable[] = {"", "no line end", "tab\there\n", "bad \xff\n", "bell\a\n"};
    for (size_t i = 0; i < sizeof unsignable / sizeof *unsignable; i++)
        assert_int_equal(note_sign(slice_text(unsignable[i]), &signer, note, &len), STATUS_INVALID);
    memset(long_text, '\n', sizeof long_text);
    memset(long_text, 'a', 3900);
    size_t longest = NOTE_TEXT_MAX - 1 - 1 - strlen(PETER_SIGNATURE);
    assert_int_equal(note_sign(slice_of(long_text, longest + 1), &signer, note, &len), STATUS_INVALID);
    assert_int_equal(note_sign(slice_of(long_text, longest), &signer, note, &len), STATUS_OK);
    assert_int_equal(len, NOTE_TEXT_MAX - 1);
}

/* The frozen checkpoint: key seed 00 01 .. 1f, size 3, the root of the public tree's first three leaves. */
#define LOG_NAME "books.example/demo"
#define LOG_VKEY "books.example/demo+562ca657+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define LOG_CHECKPOINT                                                                                       \
    "books.example/demo\n"                                                                                   \
    "3\n"                                                                                                    \
    "rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n"                                                         \
    "\n"                                                                                                     \
    "\xe2\x80\x94 books.example/demo "                                                                       \
    "ViymV097pKjSRPlc9LPvSCwTuPWwamUx/96kkbac2jElMIMtL59590+sYbaLd22AsYwd2J0KygcJCMa4epowk1uvWwY=\n"

static struct note_signer log_signer(void)
{
    uint8_t seed[NOTE_KEY_BYTES];
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    struct note_signer signer;
    assert_int_equal(note_signer_from_seed(LOG_NAME, seed, &signer), STATUS_OK);
    return signer;
}

static void our_checkpoint_is_frozen(void **state)
{
    (void)state;
    struct note_signer signer = log_signer();
    struct note_verifier verifier;
    note_verifier_of(&signer, &verifier);
    char vkey[NOTE_VKEY_MAX], note[NOTE_TEXT_MAX];
    assert_int_equal(note_vkey_format(&verifier, vkey), STATUS_OK);
    assert_string_equal(vkey, LOG_VKEY);
    struct checkpoint checkpoint = {.origin = LOG_NAME, .size = 3}, opened;
    hex_bytes("aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", checkpoint.root.bytes,
              HASH_BYTES);
    size_t len;
    assert_int_equal(checkpoint_sign(&checkpoint, &signer, note, &len), STATUS_OK);
    assert_string_equal(note, LOG_CHECKPOINT);
    assert_int_equal(checkpoint_open(slice_text(LOG_CHECKPOINT), &verifier, &opened, NULL), STATUS_OK);
    assert_string_equal(opened.origin, LOG_NAME);
    assert_int_equal(opened.size, 3);
    assert_memory_equal(&opened.root, &checkpoint.root, HASH_BYTES);

    memcpy(checkpoint.origin, "other.example", sizeof "other.example");
    assert_int_equal(checkpoint_sign(&checkpoint, &signer, note, &len), STATUS_INVALID);
}

/* Texts that are validly signed, and still no checkpoint of this log. */
static void signed_but_no_checkpoint(void **state)
{
    (void)state;
    struct note_signer signer = log_signer();
    struct note_verifier verifier;
    note_verifier_of(&signer, &verifier);
#define ROOT "rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n"
    static const struct {
        const char *text, *field; /* no field: it is one */
    } cases[] = {
        {LOG_NAME "\n0\n" ROOT, NULL},
        {LOG_NAME "\n3\n" ROOT "extension\nanother\n", NULL},
        {LOG_NAME "\n18446744073709551615\n" ROOT, NULL},
        {LOG_NAME "\n3\n", "checkpoint"},
        {LOG_NAME "\n", "checkpoint"},
        {LOG_NAME "\n3\n" ROOT "extension\n\nanother\n", "checkpoint"},
        {"other.example\n3\n" ROOT, "origin"},
        {LOG_NAME " \n3\n" ROOT, "origin"},
        {LOG_NAME "\n03\n" ROOT, "size"},
        {LOG_NAME "\n00\n" ROOT, "size"},
        {LOG_NAME "\n-3\n" ROOT, "size"},
        {LOG_NAME "\n\n" ROOT, "size"},
        {LOG_NAME "\n18446744073709551616\n" ROOT, "size"},
        {LOG_NAME "\n3\nrra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnd=\n", "root"},
        {LOG_NAME "\n3\nrra8\n", "root"},
        {LOG_NAME "\n3\nrra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbncA\n", "root"},
        {LOG_NAME "\n3\nnot base64 at all\n", "root"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char note[NOTE_TEXT_MAX];
        size_t len;
        struct checkpoint opened = {.size = 77};
        struct fault why = {0};
        assert_int_equal(note_sign(slice_text(cases[i].text), &signer, note, &len), STATUS_OK);
        enum status status = checkpoint_open(slice_of(note, len), &verifier, &opened, &why);
        assert_int_equal(status, cases[i].field == NULL ? STATUS_OK : STATUS_CORRUPT);
        if (cases[i].field == NULL)
            continue;
        assert_string_equal(why.field, cases[i].field);
        assert_int_equal(opened.size, 77);
    }
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct note_signer signer = log_signer();
    struct note_verifier verifier;
    note_verifier_of(&signer, &verifier);
    struct checkpoint opened;
    size_t len = strlen(LOG_CHECKPOINT);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        char *note = malloc(len);
        assert_non_null(note);
        memcpy(note, LOG_CHECKPOINT, len);
        note[bit / 8] = (char)(note[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(checkpoint_open(slice_of(note, len), &verifier, &opened, NULL), STATUS_CORRUPT);
        free(note);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(checkpoint_open(slice_of(LOG_CHECKPOINT, cut), &verifier, &opened, NULL),
                         STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(public_notes),
        cmocka_unit_test(malformed_notes),
        cmocka_unit_test(our_checkpoint_is_frozen),
        cmocka_unit_test(signed_but_no_checkpoint),
        cmocka_unit_test(every_flipped_bit_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
