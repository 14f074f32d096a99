// Functions and constants whose names or types differ between systems.

/// Writes the system's buffers of a file to the disk.
///
/// On Apple systems `fsync` leaves data in the drive's own cache, so `F_FULLFSYNC` is used; volumes that do not support it
/// get `fsync`.
///
/// - Returns: 0, or -1 with the reason in `errno`.
package func syncToDisk(_ descriptor: Int32) -> Int32 {
  #if canImport(Darwin)
  if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
  #endif
  return fsync(descriptor)
}

/// A flag of `open` that opens a named pipe at once, so that `poll` can wait for the first writer. On systems without this flag, opening a
/// pipe has to wait for a writer, because a pipe without a writer looks like one that has ended.
var opensWithoutWriter: Int32 {
  #if os(Linux)
  O_NONBLOCK
  #else
  0
  #endif
}

/// The columns of the terminal that a descriptor is open on; nil if it is not open on a terminal, or the terminal has no size.
package func terminalColumns(of descriptor: Int32) -> Int? {
  var size = winsize()
  guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
  return Int(size.ws_col)
}

/// Keeps the system from writing this process's memory to a core file when it crashes.
package func turnOffCoreFiles() {
  var none = rlimit(rlim_cur: 0, rlim_max: 0)
  #if canImport(Glibc)
  unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  #else
  unsafe setrlimit(RLIMIT_CORE, &none)
  #endif
}

/// Makes the threads of this process share `count` heaps. By default, glibc makes up to eight heaps for each core, and each heap keeps the
/// most memory that it ever used.
package func limitHeaps(to count: Int) {
  #if canImport(Glibc)
  // The function is looked up by its name, because Swift's module of glibc leaves malloc.h out. The number is M_ARENA_MAX of that header.
  typealias Mallopt = @convention(c) (Int32, Int32) -> Int32
  guard let address = unsafe dlsym(nil, "mallopt") else { return }
  _ = unsafe unsafeBitCast(address, to: Mallopt.self)(-8, Int32(clamping: count))
  #endif
}

/// The type of a socket that carries a stream of bytes, for `socket`.
package var streamSocketType: Int32 {
  #if canImport(Glibc)
  Int32(SOCK_STREAM.rawValue)
  #else
  SOCK_STREAM
  #endif
}

/// The name of the type of the file system that holds a file or folder, and whether it is on this machine; nil if the system
/// does not report it.
func typeOfFileSystem(holding path: String) -> (name: String?, isLocal: Bool?) {
  #if canImport(Darwin)
  var status = statfs()
  guard unsafe statfs(path, &status) == 0 else { return (nil, nil) }
  let name = unsafe withUnsafeBytes(of: status.f_fstypename) { bytes in
    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
  return (name, status.f_flags & UInt32(MNT_LOCAL) != 0)
  #else
  var status = stat()
  guard unsafe stat(path, &status) == 0, let mounts = try? wholeFile("/proc/self/mountinfo") else { return (nil, nil) }
  // Computes what gnu_dev_major and gnu_dev_minor compute, because these are macros.
  let device = UInt64(status.st_dev)
  let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
  let minor = device & 0xFF | (device >> 12) & ~0xFF
  // proc(5): the third field is the device, and the type follows a dash.
  for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
    let fields = line.split(separator: " ")
    guard fields.count > 2, fields[2] == "\(major):\(minor)", let dash = fields.firstIndex(of: "-"),
      dash + 1 < fields.count
    else { continue }
    return (String(fields[dash + 1]), nil)
  }
  return (nil, nil)
  #endif
}
