// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/x509_info.h"

#include "base/cleanup.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

DEFINE_CLEANUP(BIO, BIO_free)
DEFINE_CLEANUP(X509, X509_free)
#define auto_bio __attribute__((cleanup(cleanup_BIO)))
#define auto_x509 __attribute__((cleanup(cleanup_X509)))

static void copy_bio(char *out, size_t size, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    snprintf(out, size, "%.*s", len > 0 ? (int)len : 0, data);
}

/* libcrypto escapes what a terminal would take for a command. */
static void format_name(char *out, size_t size, const X509_NAME *name)
{
    const unsigned long flags =
        (XN_FLAG_RFC2253 & ~(unsigned long)XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC;
    auto_bio BIO *bio = BIO_new(BIO_s_mem());

    out[0] = '\0';
    if (bio != NULL &&
        X509_NAME_print_ex(bio, name, 0, flags & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        copy_bio(out, size, bio);
    }
}

static void format_common_name(char *out, size_t size, const X509_NAME *name)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    auto_bio BIO *bio = BIO_new(BIO_s_mem());

    out[0] = '\0';
    if (at >= 0 && bio != NULL &&
        ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)),
                             ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT) >= 0) {
        copy_bio(out, size, bio);
    }
}

static void format_date(char out[12], const ASN1_TIME *time)
{
    struct tm tm;

    out[0] = '\0';
    if (ASN1_TIME_to_tm(time, &tm) == 1) {
        snprintf(out, 12, "%04u-%02u-%02u", (unsigned)(tm.tm_year + 1900) % 10000,
                 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100);
    }
}

static void format_key(char *out, size_t size, const X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);

    snprintf(out, size, "unknown");
    if (key != NULL) {
        snprintf(out, size, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
    }
}

static void format_serial(char *out, size_t size, X509 *certificate)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    const uint8_t *bytes = ASN1_STRING_get0_data(serial);
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < ASN1_STRING_length(serial) && used + 3 < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%02x", bytes[i]);
    }
}

void x509_info_digest(char out[65], struct span bytes)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    out[0] = '\0';
    if (EVP_Digest(bytes.data, bytes.len, digest, &len, EVP_sha256(), NULL) == 1) {
        for (unsigned i = 0; i < len; i++) {
            snprintf(out + 2 * i, 3, "%02x", digest[i]);
        }
    }
}

bool x509_info_read(struct x509_info *out, struct span der)
{
    const uint8_t *at = der.data;
    auto_x509 X509 *certificate = d2i_X509(NULL, &at, (long)der.len);

    *out = (struct x509_info){0};
    if (certificate == NULL || at != der.data + der.len) {
        ERR_clear_error();
        return false;
    }
    const X509_NAME *subject = X509_get_subject_name(certificate);
    format_name(out->subject, sizeof(out->subject), subject);
    format_name(out->issuer, sizeof(out->issuer), X509_get_issuer_name(certificate));
    format_common_name(out->common_name, sizeof(out->common_name), subject);
    format_serial(out->serial, sizeof(out->serial), certificate);
    format_date(out->not_before, X509_get0_notBefore(certificate));
    format_date(out->not_after, X509_get0_notAfter(certificate));
    format_key(out->key, sizeof(out->key), certificate);
    x509_info_digest(out->fingerprint, der);
    out->expired = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
    ERR_clear_error();
    return true;
}
