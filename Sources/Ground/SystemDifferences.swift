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

/// Keeps the system from writing this process's memory to a core file when it crashes.
package func turnOffCoreFiles() {
  var none = rlimit(rlim_cur: 0, rlim_max: 0)
  #if canImport(Glibc)
  unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  #else
  unsafe setrlimit(RLIMIT_CORE, &none)
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
