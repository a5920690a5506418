#include "auth/seal_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/random.h"

enum { NONCE_SIZE = 12, TAG_SIZE = 16, PLAIN_BYTES_MAX = 1024 * 1024 };

void tl_seal_key(const char *purpose, struct tl_str secret, uint8_t ret_key[TL_SEAL_KEY_SIZE])
{
    unsigned size = TL_SEAL_KEY_SIZE;
    if (!HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)purpose, strlen(purpose), ret_key, &size))
        abort(); /* a library without HMAC keeps no secret */
}

struct tl_str tl_seal(tl_arena *arena, const uint8_t key[TL_SEAL_KEY_SIZE], struct tl_str plain)
{
    struct tl_err ignored;
    struct tl_str sealed = {NULL, 0};
    tl_err_init(&ignored);
    if (plain.size > PLAIN_BYTES_MAX)
        return sealed;
    unsigned char *bytes = tl_arena_alloc(arena, NONCE_SIZE + plain.size + TAG_SIZE);
    int size = 0, more = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && tl_random_bytes(bytes, NONCE_SIZE, &ignored) == TL_OK &&
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, bytes) == 1 &&
        EVP_EncryptUpdate(context, bytes + NONCE_SIZE, &size, (const unsigned char *)plain.data, (int)plain.size) == 1 &&
        EVP_EncryptFinal_ex(context, bytes + NONCE_SIZE + size, &more) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, bytes + NONCE_SIZE + size + more) == 1)
        sealed = (struct tl_str){(const char *)bytes, NONCE_SIZE + (size_t)size + (size_t)more + TAG_SIZE};
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return sealed;
}

struct tl_str tl_unseal(tl_arena *arena, const uint8_t key[TL_SEAL_KEY_SIZE], struct tl_str sealed)
{
    struct tl_str plain = {NULL, 0};
    if (sealed.size < NONCE_SIZE + TAG_SIZE || sealed.size > PLAIN_BYTES_MAX + NONCE_SIZE + TAG_SIZE)
        return plain;
    const unsigned char *bytes = (const unsigned char *)sealed.data;
    size_t size = sealed.size - NONCE_SIZE - TAG_SIZE;
    unsigned char *text = tl_arena_alloc(arena, size + 1), tag[TAG_SIZE];
    memcpy(tag, bytes + NONCE_SIZE + size, TAG_SIZE);
    int used = 0, more = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, bytes) == 1 &&
        EVP_DecryptUpdate(context, text, &used, bytes + NONCE_SIZE, (int)size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 && EVP_DecryptFinal_ex(context, text + used, &more) == 1)
        plain = (struct tl_str){(const char *)text, size};
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return plain;
}
