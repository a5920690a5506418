#include "source/source.h"

#include <string.h>

const char *tl_source_config_get(const struct tl_source_config *config, const char *option)
{
    for (size_t i = 0; i < config->option_count; i++)
        if (strcmp(config->option_names[i], option) == 0)
            return config->option_values[i];
    return NULL;
}
