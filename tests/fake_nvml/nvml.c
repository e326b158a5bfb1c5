/* The part of NVIDIA's management library that the launcher asks, answering as the file FAKE_NVML says.
 *
 * The file is read again at each nvmlInit. A line is `init CODE`, `driver VERSION`, `cuda NUMBER`, or
 * `device PARENT TOTAL FREE MAJOR MINOR MIG HANDLE_ERROR MEMORY_ERROR UUID NAME`: a slice names the
 * index of its parent, a GPU -1; the two sizes are MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, MOST = 16 };

typedef struct {
    int parent, major, minor, mig, handle_error, memory_error;
    unsigned long long total, free;
    char uuid[96], name[96];
} Device;

static Device devices[MOST];
static int count, init_error, cuda;
static char driver[80];

static void read_line(const char *line) {
    Device *d = &devices[count];
    if (sscanf(line, "init %d", &init_error) == 1) return;
    if (sscanf(line, "driver %79s", driver) == 1) return;
    if (sscanf(line, "cuda %d", &cuda) == 1) return;
    if (sscanf(line, "device %d %llu %llu %d %d %d %d %d %95s %95[^\n]", &d->parent, &d->total, &d->free, &d->major,
               &d->minor, &d->mig, &d->handle_error, &d->memory_error, d->uuid, d->name) == 10) count++;
}

int nvmlInitWithFlags(unsigned flags) {
    char line[512];
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    (void)flags;
    count = init_error = 0;
    while (file && count < MOST && fgets(line, sizeof line, file)) read_line(line);
    if (file) fclose(file);
    return init_error;
}

int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) {
    static char text[32];
    snprintf(text, sizeof text, "error %d", code);
    return text;
}

int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "%s", driver); return OK; }

int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = cuda; return OK; }

static Device *child(int parent, unsigned index) {
    for (int i = 0; i < count; i++)
        if (devices[i].parent == parent && index-- == 0) return &devices[i];
    return NULL;
}

static int give(Device *found, Device **device, int otherwise) {
    *device = found;
    return found ? found->handle_error : otherwise;
}

static int place(Device *device) {
    int place = 0;
    for (Device *d = devices; d < device; d++) place += d->parent == device->parent;
    return place;
}

int nvmlDeviceGetCount_v2(unsigned *found) {
    *found = 0;
    for (int i = 0; i < count; i++) *found += devices[i].parent < 0;
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    return give(child(-1, index), device, INVALID_ARGUMENT);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    for (int i = 0; i < count; i++)
        if (!strcmp(devices[i].uuid, uuid)) return give(&devices[i], device, NOT_FOUND);
    return NOT_FOUND;
}

int nvmlDeviceGetIndex(Device *device, unsigned *index) { *index = place(device); return OK; }

int nvmlDeviceIsMigDeviceHandle(Device *device, unsigned *is) { *is = device->parent >= 0; return OK; }

int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    *current = *pending = device->mig;
    return device->major < 8 ? NOT_SUPPORTED : OK;
}

int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *most) { (void)device; *most = 7; return OK; }

int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **slice) {
    return give(child(place(device), index), slice, NOT_FOUND);
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device *slice, Device **device) {
    *device = child(-1, slice->parent);
    return OK;
}

int nvmlDeviceGetUUID(Device *device, char *text, unsigned size) {
    snprintf(text, size, "%s", device->uuid);
    return OK;
}

int nvmlDeviceGetName(Device *device, char *text, unsigned size) {
    snprintf(text, size, "%s", device->name);
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    if (device->parent >= 0) return NOT_SUPPORTED;
    *major = device->major, *minor = device->minor;
    return OK;
}

int nvmlDeviceGetMemoryInfo(Device *device, unsigned long long *memory) {
    memory[0] = device->total << 20, memory[1] = device->free << 20, memory[2] = memory[0] - memory[1];
    return device->memory_error;
}
