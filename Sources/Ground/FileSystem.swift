/// The file system that a path is on: the properties that matter for locks and free space.
package struct FileSystem: Sendable {
  /// The name of its type, such as `ext4`, `nfs4` or `fuse.sshfs`, if the system reports one.
  package let typeName: String?
  /// True if the system reports that the file system is on this machine; nil on Linux, which reports nothing about this.
  package let isLocal: Bool?
  /// The bytes that this user may still write.
  package let freeBytes: UInt64?

  /// Describes a file system of tests.
  package init(typeName: String?, isLocal: Bool? = nil, freeBytes: UInt64? = nil) {
    self.typeName = typeName
    self.isLocal = isLocal
    self.freeBytes = freeBytes
  }

  /// Finds the file system of an existing file or folder; nil if the system does not state it.
  package init?(holding path: String) {
    guard let freeBytes = Self.freeBytes(holding: path) else { return nil }
    let (typeName, isLocal) = typeOfFileSystem(holding: path)
    self.init(typeName: typeName, isLocal: isLocal, freeBytes: freeBytes)
  }

  /// The bytes that this user may still write to the file system of an existing file or folder; nil if the system does not answer.
  /// This costs less than ``init(holding:)``, which searches all mounts for the type.
  package static func freeBytes(holding path: String) -> UInt64? {
    var space = statvfs()
    guard unsafe statvfs(path, &space) == 0 else { return nil }
    return UInt64(space.f_bavail) * UInt64(space.f_frsize)
  }

  /// The type of a file system that other machines share, where locks between processes and the shared memory of SQLite's WAL
  /// cannot be relied on (SQLite, "Write-Ahead Logging", section 1); nil for a local one.
  package var networkType: String? {
    if let isLocal { return isLocal ? nil : typeName ?? "network" }
    guard let typeName else { return nil }
    // A FUSE file system has the name of its program after a point.
    let name = typeName.hasPrefix("fuse.") ? String(typeName.dropFirst(5)) : typeName
    return Self.network.contains(name) ? typeName : nil
  }

  /// The types of network file systems.
  ///
  /// 9P and virtiofs are not among them: they hold the local files of virtual machines, of WSL for example.
  package static let network: Set<String> = [
    // systemd, src/basic/mountpoint-util.c and filesystem-sets.py (fstype_is_network).
    "afs", "ceph", "cifs", "davfs", "gfs", "gfs2", "glusterfs", "lustre", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2",
    "orangefs", "pvfs2", "smb3", "smbfs", "sshfs",
    // Linux: fs/coda. The others are the names with which the vendors' manuals mount: IBM Storage Scale, BeeGFS and its former name, PanFS,
    // StorNext.
    "coda", "gpfs", "beegfs", "fhgfs", "panfs", "cvfs",
    // FUSE, by the names of their programs.
    "blobfuse", "blobfuse2", "ceph-fuse", "curlftpfs", "gcsfuse", "goofys", "gvfsd-fuse", "juicefs", "lizardfs", "mfs",
    "moosefs", "mount-s3", "mountpoint-s3", "rclone", "s3fs", "seaweedfs", "smbnetfs",
  ]
}
