// SPDX-License-Identifier: BSD-2-Clause
#include "support/fake_verifier.h"

#include "base/writer.h"

static const char prefix[] = "cert-";
#define PREFIX_LEN (sizeof(prefix) - 1)

static void note_message(struct fake_verifier *fake, const struct signed_message *message)
{
    struct writer writer = writer_of(fake->content, sizeof(fake->content));

    for (size_t i = 0; i < message->part_count; i++) {
        writer_bytes(&writer, message->parts[i]);
    }
    fake->content_len = writer.len;
    fake->asked++;
}

static bool is_certificate(struct span certificate)
{
    return certificate.len > PREFIX_LEN && memcmp(certificate.data, prefix, PREFIX_LEN) == 0;
}

static bool verify_trusted(struct verifier *verifier, const struct signed_message *message,
                           const struct span *trusted, size_t trusted_count)
{
    struct fake_verifier *fake = (struct fake_verifier *)verifier;
    bool found = fake->believe_all;

    note_message(fake, message);
    for (size_t i = 0; i < trusted_count; i++) {
        struct span name = span_of(trusted[i].data + PREFIX_LEN, trusted[i].len - PREFIX_LEN);

        found |= is_certificate(trusted[i]) && span_equal(name, message->pkcs7);
    }
    return found;
}

static void owner_of(uint8_t owner[SHA256_SIZE], struct span signer)
{
    memset(owner, 0xee, SHA256_SIZE);
    memcpy(owner, signer.data, signer.len < SHA256_SIZE ? signer.len : SHA256_SIZE);
}

static bool verify_owner(struct verifier *verifier, const struct signed_message *message,
                         uint8_t owner[SHA256_SIZE])
{
    struct fake_verifier *fake = (struct fake_verifier *)verifier;

    note_message(fake, message);
    if (fake->believe_all) {
        memset(owner, 0xee, SHA256_SIZE);
        return true;
    }
    if (message->pkcs7.len == 0) {
        return false;
    }
    owner_of(owner, message->pkcs7);
    return true;
}

static bool check_certificate(struct verifier *verifier, struct span certificate)
{
    const struct fake_verifier *fake = (const struct fake_verifier *)verifier;

    return fake->believe_all || is_certificate(certificate);
}

static void destroy(struct verifier *verifier)
{
    (void)verifier; /* nothing is owned */
}

void fake_verifier_init(struct fake_verifier *fake)
{
    static const struct verifier_ops ops = {
        .verify_trusted = verify_trusted,
        .verify_owner = verify_owner,
        .check_certificate = check_certificate,
        .free = destroy,
    };

    *fake = (struct fake_verifier){.base = {.ops = &ops}};
}

void fake_owner(uint8_t owner[SHA256_SIZE], const char *signer)
{
    owner_of(owner, span_of(signer, strlen(signer)));
}
