#include <errno.h>
#include <string.h>

#include "runner/vm/images/images.h"
#include "runner/vm/json_file.h"

static const char *const names[FIRMA_VM_IMAGE_COUNT] = {
#define X(name, word) [name] = (word),
    FIRMA_VM_IMAGES(X)
#undef X
};

const char *firma_vm_image_name(enum firma_vm_image image)
{
    return names[image];
}

static int refuse(const char *field, const char *what, struct firma_error *err)
{
    return firma_fail(err, FIRMA_E_ARTIFACT, 0, FIRMA_VM_MANIFEST_FILE ": %s%s", field, what);
}

static bool is_digest(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && json_string_length(value) == FIRMA_SHA256_HEX - 1 &&
           strspn(text, "0123456789abcdef") == FIRMA_SHA256_HEX - 1;
}

static int take_image(const json_t *entry, const char *name, struct firma_vm_expectation *out,
                      struct firma_error *err)
{
    const json_t *bytes = json_object_get(entry, "bytes");
    const json_t *digest = json_object_get(entry, "sha256");
    if (!json_is_integer(bytes) || json_integer_value(bytes) <= 0)
        return refuse(name, ": bytes must be a positive number", err);
    if (!is_digest(digest))
        return refuse(name, ": sha256 must be 64 hexadecimal digits in lower case", err);
    out->bytes = (uint64_t)json_integer_value(bytes);
    memcpy(out->sha256, json_string_value(digest), FIRMA_SHA256_HEX);
    return 0;
}

/* More keys than these are information for people. */
static int take_all(const json_t *root, struct firma_vm_expectation *out, struct firma_error *err)
{
    const json_t *version = json_object_get(root, "version");
    const json_t *images = json_object_get(root, "images");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return refuse("version", " must be 1", err);
    for (size_t i = 0; i < FIRMA_VM_IMAGE_COUNT; i++) {
        int result = take_image(json_object_get(images, names[i]), names[i], &out[i], err);
        if (result < 0)
            return result;
    }
    return 0;
}

int firma_vm_manifest_read(int dirfd, struct firma_vm_expectation out[FIRMA_VM_IMAGE_COUNT],
                           struct firma_error *err)
{
    struct firma_vm_expectation found[FIRMA_VM_IMAGE_COUNT];
    struct firma_error inner = {0};
    json_t *root = NULL;
    int result = firma_vm_json_read(dirfd, FIRMA_VM_MANIFEST_FILE, FIRMA_E_ARTIFACT, &root, &inner);
    if (result == -FIRMA_E_ARTIFACT && inner.errnum == ENOENT)
        return refuse("", "is missing beside the kernel; scripts/build-guest writes it", err);
    if (result < 0) {
        if (err != NULL)
            *err = inner;
        return result;
    }
    result = take_all(root, found, err);
    json_decref(root);
    if (result == 0)
        memcpy(out, found, sizeof found);
    return result;
}
