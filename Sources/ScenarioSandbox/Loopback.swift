internal import FlyingSocks
internal import Foundation

extension sockaddr_in {
  /// The address 127.0.0.1 with a port.
  static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in.inet(port: port)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}
