/// Places in XMP packets, which may be hostile.
enum XMPPacket {
  private static let orientationName = Array("tiff:Orientation".utf8)

  /// The orientation in a packet; nil where it has none or an invalid one.
  static func orientation(of packet: [UInt8]) -> Orientation? {
    orientationDigits(in: packet).first.flatMap { Orientation(rawValue: Int(packet[$0]) - 0x30) }
  }

  /// The packet with an upright orientation.
  static func upright(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    for digit in orientationDigits(in: packet) { packet[digit] = UInt8(ascii: "1") }
    return packet
  }

  /// The offsets of the digits of `tiff:Orientation`, as an attribute or an element (XMP part 1, 7.9).
  private static func orientationDigits(in packet: [UInt8]) -> [Int] {
    let name = orientationName
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var found: [Int] = []
    var i = 0
    while i + name.count + 2 < packet.count {
      guard packet[i] == name[0], packet[i..<i + name.count].elementsEqual(name) else {
        i += 1
        continue
      }
      i += name.count
      let end = i
      while i < packet.count - 1, " =\"'>\n\r\t".utf8.contains(packet[i]) { i += 1 }
      if i > end, digits.contains(packet[i]), i + 1 == packet.count || !digits.contains(packet[i + 1]) {
        found.append(i)
      }
    }
    return found
  }
}
