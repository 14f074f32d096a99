// The types of Ground that users of this module see without importing it.
@_exported public import protocol Ground.GessoFailure
@_exported public import struct Ground.JobID
@_exported public import enum Ground.Remedy
@_exported public import struct Ground.Run
@_exported public import struct Ground.RunEvents
@_exported public import enum Ground.Stage
