// SPDX-License-Identifier: BSD-2-Clause
#include "tools/auth_file.h"

#include "base/cleanup.h"
#include "crypto/certificate.h"
#include "crypto/pkcs7_sign.h"
#include "crypto/x509_info.h"
#include "tools/hex.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#define WIN_CERT_REVISION 0x0200u
#define WIN_CERT_TYPE_EFI_GUID 0x0ef1u
#define WIN_CERT_HEAD 24u
#define LIST_HEAD 28u
#define SHA256_LEN 32u

const struct guid AUTH_FILE_OWNER_MICROSOFT =
    GUID_INIT(0x77fa9abd, 0x0359, 0x4d32, 0xbd, 0x60, 0x28, 0xf4, 0xe7, 0x8f, 0x78, 0x4b);

static const struct guid type_pkcs7 =
    GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);
static const struct guid type_x509 =
    GUID_INIT(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);
static const struct guid type_sha256 =
    GUID_INIT(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);

struct efi_time auth_file_time_now(void)
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    return (struct efi_time){
        .year = (uint16_t)(tm.tm_year + 1900),
        .month = (uint8_t)(tm.tm_mon + 1),
        .day = (uint8_t)tm.tm_mday,
        .hour = (uint8_t)tm.tm_hour,
        .minute = (uint8_t)tm.tm_min,
        .second = (uint8_t)(tm.tm_sec > 59 ? 59 : tm.tm_sec),
    };
}

void auth_file_write_head(struct writer *writer, const struct efi_time *time, size_t pkcs7_len)
{
    writer_time(writer, time);
    writer_u32le(writer, WIN_CERT_HEAD + (uint32_t)pkcs7_len);
    writer_u16le(writer, WIN_CERT_REVISION);
    writer_u16le(writer, WIN_CERT_TYPE_EFI_GUID);
    writer_guid(writer, &type_pkcs7);
}

/* By the organisation in the subject, which all of Microsoft's have. */
static bool is_microsofts(struct span der)
{
    static const char organisation[] = "Microsoft Corporation";
    struct certificate certificate;

    return certificate_parse(&certificate, der) &&
           memmem(certificate.subject.data, certificate.subject.len, organisation,
                  sizeof(organisation) - 1) != NULL;
}

/* The number that says how it was made, and RFC 9562's variant. */
static void set_version(struct guid *guid, unsigned version)
{
    guid->bytes[7] = (uint8_t)((guid->bytes[7] & 0x0fu) | version << 4);
    guid->bytes[8] = (uint8_t)((guid->bytes[8] & 0x3fu) | 0x80u);
}

struct guid auth_file_owner_of(struct span der)
{
    char digest[2 * SHA256_LEN + 1];
    struct guid owner;
    size_t len;

    if (is_microsofts(der)) {
        return AUTH_FILE_OWNER_MICROSOFT;
    }
    x509_info_digest(digest, der);
    digest[2 * GUID_SIZE] = '\0';
    hex_read(digest, owner.bytes, GUID_SIZE, &len);
    set_version(&owner, 8);
    return owner;
}

bool auth_file_new_owner(struct guid *out, struct err *err)
{
    if (getrandom(out->bytes, GUID_SIZE, 0) != GUID_SIZE) {
        return err_errno(err, "can't make a GUID at random");
    }
    set_version(out, 4);
    return true;
}

static void write_list_head(struct writer *writer, const struct guid *type, size_t entry,
                            size_t count)
{
    writer_guid(writer, type);
    writer_u32le(writer, (uint32_t)(LIST_HEAD + entry * count));
    writer_u32le(writer, 0);
    writer_u32le(writer, (uint32_t)entry);
}

void auth_file_write_certificate(struct writer *writer, const struct guid *owner,
                                 struct span certificate)
{
    write_list_head(writer, &type_x509, GUID_SIZE + certificate.len, 1);
    writer_guid(writer, owner);
    writer_bytes(writer, certificate);
}

void auth_file_write_hashes(struct writer *writer, const struct guid *owner, struct span hashes)
{
    size_t count = hashes.len / SHA256_LEN;

    write_list_head(writer, &type_sha256, GUID_SIZE + SHA256_LEN, count);
    for (size_t i = 0; i < count; i++) {
        writer_guid(writer, owner);
        writer_bytes(writer, span_of(hashes.data + i * SHA256_LEN, SHA256_LEN));
    }
}

/* What the signature covers: UEFI 2.10, 8.2.2, step 3. */
static uint8_t *make_content(const struct auth_target *target, size_t *len)
{
    size_t size = target->name.len + GUID_SIZE + 4 + EFI_TIME_SIZE + target->payload.len;
    uint8_t *content = malloc(size);

    if (content != NULL) {
        struct writer writer = writer_of(content, size);

        writer_bytes(&writer, target->name);
        writer_guid(&writer, &target->guid);
        writer_u32le(&writer, target->attributes);
        writer_time(&writer, &target->time);
        writer_bytes(&writer, target->payload);
        *len = writer.len;
    }
    return content;
}

static bool make_signature(const struct auth_target *target, const struct auth_signer *signer,
                           uint8_t **pkcs7, size_t *pkcs7_len, struct err *err)
{
    size_t len;

    if (signer == NULL) {
        return true;
    }
    auto_free uint8_t *content = make_content(target, &len);
    if (content == NULL) {
        return err_set(err, "out of memory");
    }
    *pkcs7 =
        pkcs7_sign(signer->key_pem, signer->certificate_pem, span_of(content, len), pkcs7_len, err);
    return *pkcs7 != NULL;
}

uint8_t *auth_file_make(const struct auth_target *target, const struct auth_signer *signer,
                        size_t *len, struct err *err)
{
    auto_free uint8_t *pkcs7 = NULL;
    size_t pkcs7_len = 0;

    if (!make_signature(target, signer, &pkcs7, &pkcs7_len, err)) {
        return NULL;
    }
    size_t size = AUTH_FILE_HEAD_SIZE + pkcs7_len + target->payload.len;
    uint8_t *file = malloc(size);
    if (file == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    struct writer writer = writer_of(file, size);
    auth_file_write_head(&writer, &target->time, pkcs7_len);
    writer_bytes(&writer, span_of(pkcs7, pkcs7_len));
    writer_bytes(&writer, target->payload);
    *len = writer.len;
    return file;
}
