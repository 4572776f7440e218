/* The strict contract reader. What it accepts keeps every rule, and its writer writes it again. */
#include "fuzz.h"

#include <string.h>

#include "firma_contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct firma_error err = {0};
    struct firma_contract contract = {0}, again = {0};
    char *text = NULL, *twice = NULL;
    size_t length = 0, twice_length = 0;
    if (firma_contract_decode((const char *)data, size, &contract, &err) < 0) {
        FUZZ_MUST(err.code > 0 && err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        FUZZ_MUST(contract.runtime_dir == NULL && contract.args == NULL);
        return 0;
    }
    FUZZ_MUST(firma_contract_validate(&contract, &err) == 0);
    FUZZ_MUST(firma_contract_proxy_port(&contract) != 0 && firma_contract_dns_port(&contract) != 0);
    FUZZ_MUST(firma_contract_encode(&contract, &text, &length, &err) == 0);
    FUZZ_MUST(firma_contract_decode(text, length, &again, &err) == 0);
    FUZZ_MUST(firma_contract_encode(&again, &twice, &twice_length, &err) == 0);
    FUZZ_MUST(length == twice_length && memcmp(text, twice, length) == 0);
    free(text);
    free(twice);
    firma_contract_clear(&contract);
    firma_contract_clear(&again);
    return 0;
}
