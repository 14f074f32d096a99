internal import CImageCodecs
internal import Ground

/// Words the faults of a helper process, for one kind of file.
struct HelperFaults {
  private let kind: any HelperKind.Type
  private let limits: Limits

  init(_ kind: any HelperKind.Type, _ limits: Limits) {
    self.kind = kind
    self.limits = limits
  }

  private var name: String { kind.format.name }
  private var convert: Remedy { .text("convert it first, for example: \(kind.converter)") }

  /// The fault of a reader. No damage policy changes these faults, because a picture arrives whole or not at all.
  func readFault(_ fault: HelperFault) -> ReadFault {
    switch fault {
    case .canceled: .canceled
    case .notInstalled: .refused(notInstalled)
    case .notStarted(let reason):
      refusal(.helperFailed, "gesso-decode cannot be started: \(systemError(reason))", check)
    case .ended(let signal):
      refusal(
        .helperFailed, "gesso-decode \(signal == 0 ? "ended" : Self.text(of: signal)) and has not decoded the \(name)",
        intact)
    case .late:
      refusal(.helperFailed, "gesso-decode did not decode this \(name) within \(limits.maxHelperSeconds) s", intact)
    case .contradictory(let message):
      refusal(.helperFailed, "the answer of gesso-decode is not valid: \(message)", check)
    case .refused(let refusal, let text): readFault(refusal, text)
    }
  }

  private func readFault(_ reason: HelperReply.Refusal, _ text: String) -> ReadFault {
    let detail = text.isEmpty ? "" : ": \(text)"
    return switch reason {
    // This is used only for headers: `pixelFault(_:)` makes the errors of decoding pixels.
    case .truncated: .truncated
    case .corrupt: .corrupt(text.isEmpty ? "libheif cannot read it" : text)
    case .unsupported:
      refusal(.unsupportedFeature, "this kind of \(name) is not supported\(detail)", convert)
    case .noDecoder:
      refusal(
        .unsupportedFormat, "libheif has no decoder for this \(name) here\(detail)",
        .either("install one, for example: apt-get install \(kind.decoderPackage)", or: convert))
    case .outOfMemory:
      refusal(
        .outOfMemory, "gesso-decode has not enough memory for this \(name)", .either(.raise(.memory), or: convert))
    case .profileTooLarge: .refused(CodecFailure.profileTooLarge(limits))
    case .notBuilt: .refused(notInstalled)
    case .unprotected:
      refusal(
        .helperFailed, "gesso-decode cannot be isolated here, and decodes nothing without that\(detail)", convert)
    }
  }

  /// Converts a fault after the headers to a fault of the reader, which no damage policy changes.
  func pixelFault(_ fault: HelperFault) -> ReadFault {
    guard case .refused(let reason, let text) = fault, reason == .truncated || reason == .corrupt else {
      return readFault(fault)
    }
    return reason == .truncated
      ? refusal(.truncated, "the \(name) ends early", "get an intact copy")
      : refusal(.corrupt, "the \(name) is damaged\(text.isEmpty ? "" : ": \(text)")", "get an intact copy")
  }

  /// The error of a helper process that was started only to check its protections.
  func checkFailure(_ fault: HelperFault) -> PreparationError {
    if case .refused(let error) = readFault(fault) { return error }
    return PreparationError(.helperFailed, stage: .decode, "the answer of gesso-decode is not valid", remedy: check)
  }

  private func refusal(_ code: PreparationError.Code, _ message: String, _ remedy: Remedy) -> ReadFault {
    .refused(PreparationError(code, stage: .decode, message, remedy: remedy))
  }

  private var intact: Remedy { .either("get an intact copy", or: convert) }
  private var check: Remedy { .either("install gesso-decode of the same version as gesso", or: convert) }

  /// The failure when there is no helper.
  private var notInstalled: PreparationError {
    cic_helper_is_possible()
      ? PreparationError(
        .unsupportedFormat, stage: .open, "it is \(name), which is decoded by gesso-decode, and that is not installed",
        remedy: .either(convert, or: .buildDecodeHelper))
      : PreparationError(
        .unsupportedFormat, stage: .open, "it is \(name), which is decoded on Linux only", remedy: convert)
  }

  private static func text(of signal: Int32) -> String {
    switch signal {
    case cic_signal_abort: "gave up, as it does for want of memory"
    case cic_signal_processor_time: "was ended for its processor time"
    default: "was ended by signal \(signal)"
    }
  }

  private func systemError(_ number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
      unsafe cic_system_error_text(number, text.baseAddress!, text.count)
      return unsafe String(cString: text.baseAddress!)
    }
  }
}
