import Foundation
import Ground
import TestSupport
import Testing

@Suite("File systems")
struct FileSystemTests {
  /// Types as Linux writes them in `/proc/self/mountinfo`.
  @Test(
    "a file system that other machines share is recognized by its type",
    arguments: [
      ("nfs", nil, true), ("nfs4", nil, true), ("cifs", nil, true), ("smb3", nil, true), ("ceph", nil, true),
      ("lustre", nil, true), ("gpfs", nil, true), ("beegfs", nil, true), ("fuse.sshfs", nil, true),
      ("fuse.glusterfs", nil, true), ("fuse.rclone", nil, true),
      ("ext4", nil, false), ("tmpfs", nil, false), ("btrfs", nil, false), ("xfs", nil, false), ("zfs", nil, false),
      ("overlay", nil, false), ("vfat", nil, false), ("9p", nil, false), ("virtiofs", nil, false),
      ("fuseblk", nil, false), ("fuse.mergerfs", nil, false), ("fuse", nil, false), (nil, nil, false),
      // Apple systems report it themselves.
      ("apfs", true, false), ("smbfs", false, true), (nil, false, true),
    ] as [(String?, Bool?, Bool)])
  func networks(typeName: String?, isLocal: Bool?, isNetwork: Bool) {
    #expect((FileSystem(typeName: typeName, isLocal: isLocal).networkType != nil) == isNetwork)
  }

  @Test("the file system of a folder has free space and, on Linux, the type of its mount")
  func real() throws {
    let found = try #require(FileSystem(holding: TestFolder.url.path))
    #expect(found.freeBytes ?? 0 > 0)
    #if os(Linux)
    #expect(FileSystem(holding: "/proc")?.typeName == "proc")
    #endif
    #expect(FileSystem(holding: TestFolder.url.path + "/nothing") == nil)
  }
}
