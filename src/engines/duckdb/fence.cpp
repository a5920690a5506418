#include "engines/duckdb/c_headers_int.hpp"

extern "C" {
#include "engines/duckdb/fence.h"
#include "io/objects.h"
}

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "duckdb/common/file_opener.hpp"
#include "duckdb/common/file_system.hpp"
#include "duckdb/common/multi_file/multi_file_list.hpp"
#include "duckdb/main/capi/capi_internal.hpp"

#include "engines/duckdb/error_int.hpp"
#include "engines/duckdb/state_int.hpp"

using namespace duckdb;

namespace tl {
namespace {

const idx_t magic_bytes = 4;
const idx_t metadata_bytes_max = 64 * 1024 * 1024;
const idx_t manifest_bytes_max = 512 * 1024 * 1024;
const char *const magic_avro = "Obj\x01";
const char *const manifest_end = ".avro"; /* of their names, with every writer */
const char *const metadata_end = ".metadata.json";
const char *const magics_given[] = {"PAR1", "PARE", "PFA1"};

[[noreturn]] void Refuse(optional_ptr<ClientContext> context, const struct tl_err &err)
{
    if (context)
        Throw(*context, err);
    throw PermissionException("%s", string(err.message));
}

struct tl_str TextOf(const string &text)
{
    return tl_str{text.data(), text.size()};
}

/* Avro's numbers, as far as a header needs them. */
bool TakeNumber(const string &bytes, idx_t &at, int64_t &number)
{
    uint64_t bits = 0;
    for (int shift = 0; shift < 63 && at < bytes.size(); shift += 7) {
        auto byte = static_cast<uint8_t>(bytes[at++]);
        bits |= static_cast<uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) {
            number = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
            return true;
        }
    }
    return false;
}

/* The bytes before an Avro file's first record; 0: it has no such beginning. */
idx_t HeaderOf(const string &bytes)
{
    const idx_t sync_bytes = 16;
    idx_t at = magic_bytes;
    int64_t count, size;
    if (bytes.compare(0, magic_bytes, magic_avro) != 0)
        return 0;
    while (TakeNumber(bytes, at, count)) {
        if (count == 0)
            return at + sync_bytes <= bytes.size() ? at + sync_bytes : 0;
        if (count < 0 && !TakeNumber(bytes, at, size))
            return 0;
        for (int64_t left = 2 * (count < 0 ? -count : count); left > 0; left--) { /* keys and values */
            if (!TakeNumber(bytes, at, size) || size < 0 || static_cast<idx_t>(size) > bytes.size() - at)
                return 0;
            at += static_cast<idx_t>(size);
        }
    }
    return 0;
}

/* A file of the lake, opened for reading. */
class FenceHandle : public FileHandle {
public:
    FenceHandle(FileSystem &system, const string &path_p, FileOpenFlags flags_p, const struct tl_duckdb_fence &fence_p, string folder_p,
                optional_ptr<ClientContext> context_p)
        : FileHandle(system, path_p, flags_p), fence(fence_p), folder(std::move(folder_p)), context(context_p)
    {
    }
    ~FenceHandle() override
    {
        if (fd >= 0)
            close(fd);
    }
    void Close() override
    {
        if (inner)
            inner->Close();
        if (fd >= 0)
            close(fd);
        fd = -1;
    }

    /* Exactly so many bytes.  Of a beginning that is neither Parquet's nor Puffin's nothing is given: the reader of manifests sees none,
     * and is not met with an exception, which would end the process there. */
    void ReadAt(char *to, idx_t size, idx_t at)
    {
        if (from_memory) {
            if (at > bytes.size() || size > bytes.size() - at)
                throw IOException("Could not read %llu bytes at %llu of file \"%s\"", size, at, path);
            memcpy(to, bytes.data() + at, size);
            return;
        }
        ReadRaw(to, size, at);
        if (at >= magic_bytes || size == 0)
            return;
        char magic[magic_bytes] = {};
        if (at == 0 && size >= magic_bytes)
            memcpy(magic, to, magic_bytes);
        else if (Size() >= magic_bytes)
            ReadRaw(magic, magic_bytes, 0);
        bool given = false;
        for (auto known : magics_given)
            given = given || memcmp(magic, known, magic_bytes) == 0;
        for (idx_t i = at; i < magic_bytes && i - at < size; i++)
            to[i - at] = given ? magic[i] : '\0'; /* as it was looked at, though it may have been written over since */
    }
    /* A manifest, or a list of them: held before a byte of it is given.  Of one that is refused the reader gets the beginning, which
     * tells of no file, and the statement its end: the extension reads manifests where an exception would end the process. */
    void TakeManifest()
    {
        struct tl_err err;
        tl_err_init(&err);
        idx_t size = Size();
        if (size > manifest_bytes_max)
            tl_err_set(&err, TL_TOO_LARGE, "the manifest \"%.500s\" is larger than 512 MiB", path.c_str());
        string whole(err.code == TL_OK ? size : 0, '\0');
        ReadRaw(&whole[0], whole.size(), 0);
        if (err.code == TL_OK && fence.avro(TextOf(whole), folder.c_str(), nullptr, &err) == TL_OK)
            bytes = std::move(whole);
        if (err.code != TL_OK) {
            idx_t header = HeaderOf(whole);
            if (!context || header == 0)
                Refuse(context, err);
            err.code = TL_NOT_ALLOWED;
            ConnectionState::Of(*context)->KeepError(err);
            context->Interrupt();
            bytes = whole.substr(0, header);
        }
        from_memory = true;
    }
    /* Metadata that the extension reads from its file, and not from the catalog: its chain begins here. */
    void TakeMetadata()
    {
        idx_t size = Size();
        string whole(size <= metadata_bytes_max ? size : 0, '\0');
        ReadRaw(&whole[0], whole.size(), 0);
        struct tl_err err;
        tl_err_init(&err);
        tl_arena *arena = tl_arena_new(4 * metadata_bytes_max);
        const tl_json *root = nullptr;
        bool sound = !whole.empty() && tl_json_parse(arena, whole.data(), whole.size(), &root, &err) == TL_OK && MetadataHolds(root);
        tl_arena_free(arena);
        if (!sound) {
            tl_err_init(&err);
            tl_err_set(&err, TL_NOT_ALLOWED, "the metadata file \"%.500s\" names files outside the folder of its table", path.c_str());
            Refuse(context, err);
        }
        bytes = std::move(whole);
        from_memory = true;
    }
    idx_t Size()
    {
        if (from_memory)
            return bytes.size();
        return inner ? inner->GetFileSize() : static_cast<idx_t>(StatOf().st_size);
    }
    struct stat StatOf()
    {
        struct stat info = {};
        if (fstat(fd, &info) != 0)
            throw IOException("Could not look at file \"%s\"", path);
        return info;
    }

    bool IsOfNoTable() const
    {
        return folder.empty();
    }

    unique_ptr<FileHandle> inner; /* in a bucket */
    int fd = -1;                  /* on this machine */
    idx_t position = 0;

private:
    const struct tl_duckdb_fence &fence;
    const string folder;
    optional_ptr<ClientContext> context;
    bool from_memory = false;
    string bytes;

    bool Holds(const tl_json *value) const
    {
        return tl_json_is_string(value) && fence.holds(tl_json_str(value), folder.c_str());
    }

    bool MetadataHolds(const tl_json *root) const
    {
        const char *location = tl_json_get_text(root, "location");
        const tl_json *snapshots = tl_json_get(root, "snapshots");
        if (!location || folder != location)
            return false;
        if (!tl_json_is_array(snapshots))
            return true;
        for (struct tl_json_iter it = tl_json_iter(snapshots); tl_json_next(&it);) {
            const tl_json *list = tl_json_get(it.value, "manifest-list"), *manifests = tl_json_get(it.value, "manifests");
            if ((list && !Holds(list)) || (!list && !tl_json_is_array(manifests)))
                return false;
            if (tl_json_is_array(manifests))
                for (struct tl_json_iter inner = tl_json_iter(manifests); tl_json_next(&inner);)
                    if (!Holds(inner.value))
                        return false;
        }
        return true;
    }

    void ReadRaw(char *to, idx_t size, idx_t at)
    {
        if (inner) {
            inner->Read(to, size, at);
            return;
        }
        while (size > 0) {
            ssize_t got = pread(fd, to, size, static_cast<off_t>(at));
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                throw IOException("Could not read from file \"%s\"", path);
            to += got;
            at += static_cast<idx_t>(got);
            size -= static_cast<idx_t>(got);
        }
    }
};

/* The path in one spelling, as the most daring reader would take it: parts that mean nothing or lead up are worked out. */
string Worked(const string &path, idx_t from)
{
    vector<string> parts;
    for (auto &part : StringUtil::Split(path.substr(from), '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty())
            parts.pop_back();
    }
    return StringUtil::Join(parts, "/");
}

/* What is asked of an open file.  Those that say that they cannot seek are not kept in the engine's cache of files: a manifest is held
 * each time it is read. */
class HandleFileSystem : public FileSystem {
public:
    explicit HandleFileSystem(bool seeks_p) : seeks(seeks_p)
    {
    }
    string GetName() const override
    {
        return "FenceFileSystem";
    }
    void Read(FileHandle &handle, void *buffer, int64_t size, idx_t at) override
    {
        handle.Cast<FenceHandle>().ReadAt(static_cast<char *>(buffer), static_cast<idx_t>(size), at);
    }
    int64_t Read(FileHandle &handle, void *buffer, int64_t size) override
    {
        auto &own = handle.Cast<FenceHandle>();
        idx_t whole = own.Size(), left = own.position < whole ? whole - own.position : 0;
        idx_t wanted = MinValue<idx_t>(static_cast<idx_t>(size), left);
        if (wanted)
            own.ReadAt(static_cast<char *>(buffer), wanted, own.position);
        own.position += wanted;
        return static_cast<int64_t>(wanted);
    }
    void Seek(FileHandle &handle, idx_t location) override
    {
        handle.Cast<FenceHandle>().position = location;
    }
    void Reset(FileHandle &handle) override
    {
        handle.Cast<FenceHandle>().position = 0;
    }
    idx_t SeekPosition(FileHandle &handle) override
    {
        return handle.Cast<FenceHandle>().position;
    }
    bool CanSeek() override
    {
        return seeks;
    }
    int64_t GetFileSize(FileHandle &handle) override
    {
        return static_cast<int64_t>(handle.Cast<FenceHandle>().Size());
    }
    timestamp_t GetLastModifiedTime(FileHandle &handle) override
    {
        auto &own = handle.Cast<FenceHandle>();
        return own.inner ? own.inner->file_system.GetLastModifiedTime(*own.inner) : Timestamp::FromEpochSeconds(own.StatOf().st_mtime);
    }
    string GetVersionTag(FileHandle &handle) override
    {
        auto &own = handle.Cast<FenceHandle>();
        if (own.inner)
            return own.inner->file_system.GetVersionTag(*own.inner);
        auto info = own.StatOf();
        return StringUtil::Format("%llu-%llu-%lld.%lld", static_cast<uint64_t>(info.st_ino), static_cast<uint64_t>(info.st_size),
                                  static_cast<int64_t>(info.st_mtim.tv_sec), static_cast<int64_t>(info.st_mtim.tv_nsec));
    }
    FileType GetFileType(FileHandle &) override
    {
        return FileType::FILE_TYPE_REGULAR;
    }
    FileMetadata Stats(FileHandle &handle) override
    {
        FileMetadata metadata;
        metadata.file_size = GetFileSize(handle);
        metadata.last_modification_time = GetLastModifiedTime(handle);
        metadata.file_type = FileType::FILE_TYPE_REGULAR;
        return metadata;
    }
    bool OnDiskFile(FileHandle &handle) override
    {
        return !handle.Cast<FenceHandle>().inner;
    }

private:
    const bool seeks;
};

class FenceFileSystem : public HandleFileSystem {
public:
    FenceFileSystem(const string &lake, const struct tl_duckdb_fence &fence_p, tl_objects *objects_p, unique_ptr<FileSystem> s3_p)
        : HandleFileSystem(true), root(lake), fence(fence_p), objects(objects_p), local(FileSystem::CreateLocal()), s3(std::move(s3_p))
    {
        worked_root = objects ? Worked(root, strlen("file://")) : Worked(root, strlen("s3://"));
    }
    ~FenceFileSystem() override
    {
        tl_objects_close(objects);
    }

    bool IsManuallySet() override /* goes first */
    {
        return true;
    }
    bool CanHandleFile(const string &path) override
    {
        return InLake(path) || (s3 && s3->CanHandleFile(path));
    }

    /* --- of a path: as the file system behind has it --- */
    bool FileExists(const string &path, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).FileExists(path, opener);
    }
    bool DirectoryExists(const string &path, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).DirectoryExists(path, opener);
    }
    void CreateDirectory(const string &path, optional_ptr<FileOpener> opener) override
    {
        Behind(path).CreateDirectory(path, opener);
    }
    void CreateDirectoriesRecursive(const string &path, optional_ptr<FileOpener> opener) override
    {
        Behind(path).CreateDirectoriesRecursive(path, opener);
    }
    void RemoveDirectory(const string &path, optional_ptr<FileOpener> opener) override
    {
        Behind(path).RemoveDirectory(path, opener);
    }
    void MoveFile(const string &source, const string &target, optional_ptr<FileOpener> opener) override
    {
        Behind(source).MoveFile(source, target, opener);
    }
    void RemoveFile(const string &path, optional_ptr<FileOpener> opener) override
    {
        Behind(path).RemoveFile(path, opener);
    }
    bool TryRemoveFile(const string &path, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).TryRemoveFile(path, opener);
    }
    bool IsPipe(const string &, optional_ptr<FileOpener>) override
    {
        return false;
    }
    string PathSeparator(const string &) override
    {
        return "/";
    }
    vector<OpenFileInfo> Glob(const string &path, FileOpener *opener) override
    {
        return Behind(path).Glob(path, opener);
    }
    string CanonicalizePath(const string &path, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).CanonicalizePath(path, opener);
    }

protected:
    bool SupportsOpenFileExtended() const override
    {
        return true;
    }
    unique_ptr<FileHandle> OpenFileExtended(const OpenFileInfo &file, FileOpenFlags flags, optional_ptr<FileOpener> opener) override
    {
        if (!InLake(file.path))
            return s3->OpenFile(file, flags, opener);
        auto context = FileOpener::TryGetClientContext(opener);
        if (flags.OpenForWriting()) {
            if (!context || flags.OpenForReading() || !fence.holds(TextOf(file.path), root.c_str()))
                RefusePath(context, file.path);
            ConnectionState::Of(*context)->KeepWritten(file.path);
            return Behind(file.path).OpenFile(file, flags, opener);
        }
        bool manifest = StringUtil::EndsWith(file.path, manifest_end), metadata = StringUtil::EndsWith(file.path, metadata_end);
        auto &system = manifest || metadata ? manifests : static_cast<HandleFileSystem &>(*this);
        auto handle = make_uniq<FenceHandle>(system, file.path, flags, fence, FolderOf(context, file.path), context);
        if (!objects)
            handle->inner = s3->OpenFile(file, flags, opener);
        else if (!OpenLocal(*handle, flags, context))
            return nullptr;
        if (!objects && !handle->inner)
            return nullptr;
        if (manifest && !handle->IsOfNoTable())
            handle->TakeManifest();
        if (metadata && !handle->IsOfNoTable())
            handle->TakeMetadata();
        return std::move(handle);
    }
    bool SupportsListFilesExtended() const override
    {
        return true;
    }
    bool ListFilesExtended(const string &path, const std::function<void(OpenFileInfo &info)> &callback, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).ListFiles(path, callback, opener);
    }
    bool SupportsGlobExtended() const override
    {
        return true;
    }
    unique_ptr<MultiFileList> GlobFilesExtended(const string &path, const FileGlobInput &input, optional_ptr<FileOpener> opener) override
    {
        return Behind(path).Glob(path, input, opener);
    }

private:
    const string root;
    const struct tl_duckdb_fence &fence;
    tl_objects *objects; /* of a lake on this machine */
    unique_ptr<FileSystem> local, s3;
    HandleFileSystem manifests {false};
    string worked_root;

    FileSystem &Behind(const string &path)
    {
        return s3 && s3->CanHandleFile(path) ? *s3 : *local;
    }

    bool Below(const string &worked) const
    {
        return worked == worked_root || StringUtil::StartsWith(worked, worked_root + "/");
    }

    /* Whatever a reader could take for a path into the lake. */
    bool InLake(const string &path) const
    {
        idx_t from = 0;
        if (objects) {
            for (auto scheme : {"file://localhost", "file:"})
                if (from == 0 && StringUtil::StartsWith(path, scheme))
                    from = strlen(scheme);
            if (from == 0 && (path.empty() || path[0] != '/'))
                return false;
        } else {
            for (auto scheme : {"s3://", "s3a://", "s3n://"})
                if (from == 0 && StringUtil::StartsWith(path, scheme))
                    from = strlen(scheme);
            if (from == 0)
                return false;
        }
        return Below(Worked(path, from)) || (path.find('%') != string::npos && Below(Worked(StringUtil::URLDecode(path), from)));
    }

    [[noreturn]] void RefusePath(optional_ptr<ClientContext> context, const string &path) const
    {
        struct tl_err err;
        tl_err_init(&err);
        tl_err_set(&err, TL_NOT_ALLOWED, "the file \"%.500s\" is of no table that the statement reads", path.c_str());
        Refuse(context, err);
    }

    /* Of the table that the file belongs to.  What the statement wrote for a table that is not there yet belongs to none: its size
     * may be asked for, its rows may be read; no manifest is given. */
    string FolderOf(optional_ptr<ClientContext> context, const string &path) const
    {
        if (!context)
            RefusePath(context, path);
        auto state = ConnectionState::Of(*context);
        for (auto &folder : state->Folders())
            if (fence.holds(TextOf(path), folder.c_str()))
                return folder;
        if (!state->HasWritten(path))
            RefusePath(context, path);
        return "";
    }

    /* false: there is none, and that is no error. */
    bool OpenLocal(FenceHandle &handle, FileOpenFlags flags, optional_ptr<ClientContext> context)
    {
        struct tl_err err;
        tl_err_init(&err);
        if (tl_objects_open_file(objects, handle.path.c_str(), &handle.fd, &err) == TL_OK)
            return true;
        if (err.code == TL_NOT_FOUND && flags.ReturnNullIfNotExists())
            return false;
        if (err.code == TL_NOT_FOUND)
            throw IOException("Cannot open file \"%s\": No such file or directory", handle.path);
        Refuse(context, err);
    }
};

} // namespace
} // namespace tl

extern "C" enum tl_code tl_duckdb_fence_install(duckdb_database database, const char *lake, const struct tl_duckdb_fence *fence, struct tl_err *err)
{
    tl_objects *objects = nullptr;
    if (strncmp(lake, "file://", 7) == 0 && tl_objects_open_folder(lake + 7, &objects, err) != TL_OK)
        return err->code;
    try {
        auto &instance = *reinterpret_cast<DatabaseWrapper *>(database)->database->instance;
        auto &system = FileSystem::GetFileSystem(instance);
        auto s3 = system.ExtractSubSystem("S3FileSystem");
        if (!objects && !s3)
            return tl_err_set(err, TL_CONFIG, "the engine has no extension that reads from S3");
        system.RegisterSubSystem(make_uniq<tl::FenceFileSystem>(lake, *fence, objects, std::move(s3)));
        return TL_OK;
    } catch (const std::exception &exception) {
        return tl::ReportException(exception, err);
    }
}
