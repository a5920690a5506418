#include "engines/duckdb/memory.h"

#include "duckdb/main/capi/capi_internal.hpp"
#include "duckdb/storage/buffer_manager.hpp"

using namespace duckdb;

namespace {

bool IsCache(MemoryTag tag)
{
    return tag == MemoryTag::BASE_TABLE || tag == MemoryTag::METADATA || tag == MemoryTag::EXTERNAL_FILE_CACHE ||
           tag == MemoryTag::OBJECT_CACHE || tag == MemoryTag::IN_MEMORY_TABLE;
}

} // namespace

extern "C" int64_t tl_memory_of_statements(duckdb_database database)
{
    try {
        auto &instance = *reinterpret_cast<DatabaseWrapper *>(database)->database->instance;
        int64_t bytes = 0;
        for (auto &part : BufferManager::GetBufferManager(instance).GetMemoryUsageInfo())
            if (!IsCache(part.tag))
                bytes += static_cast<int64_t>(part.size);
        return bytes;
    } catch (...) {
        return 0;
    }
}
