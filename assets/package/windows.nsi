; The installer for Windows. `cargo xtask windows` runs makensis with VERSION, SOURCE (the portable folder),
; OUTFILE, and FILES, a list of what is in SOURCE that it has written: the uninstaller removes exactly that.
;
;   /S              asks nothing
;   /CurrentUser    for this user, which needs no administrator; /AllUsers for everyone
;   /PATH           puts the command on the search path

Unicode true
Target amd64-unicode
SetCompressor /SOLID lzma
ManifestDPIAware true
ManifestLongPathAware true
ManifestSupportedOS Win10

!define NAME "Unweave"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define REGISTRY "Software\${NAME}"
!define OPENER "Software\Classes\Applications\unweave-standalone.exe"

!define MULTIUSER_EXECUTIONLEVEL Highest
!define MULTIUSER_MUI
!define MULTIUSER_INSTALLMODE_COMMANDLINE
!define MULTIUSER_USE_PROGRAMFILES64
!define MULTIUSER_INSTALLMODE_INSTDIR "${NAME}"
!define MULTIUSER_INSTALLMODE_INSTDIR_REGISTRY_KEY "${REGISTRY}"
!define MULTIUSER_INSTALLMODE_INSTDIR_REGISTRY_VALUENAME "Folder"
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_KEY "${REGISTRY}"
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_VALUENAME "Folder"
!define MULTIUSER_INSTALLMODE_FUNCTION ChooseFolders
!define MULTIUSER_INSTALLMODE_UNFUNCTION un.ChooseFolders
!include MultiUser.nsh
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include StrFunc.nsh
!include WinMessages.nsh
${UnStrRep}
!include "${FILES}"

Name "${NAME}"
OutFile "${OUTFILE}"
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "${NAME} installer"
VIAddVersionKey "LegalCopyright" "MIT OR Apache-2.0"

!define MUI_ICON "${SOURCE}\unweave.ico"
!define MUI_UNICON "${SOURCE}\unweave.ico"
!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_WELCOME
!insertmacro MULTIUSER_PAGE_INSTALLMODE
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Where hosts look, and the registry's key of the search path with its root.
Var PlugIns
Var PathKey
Var PathRoot

!macro ChooseFolders
  ${If} $MultiUser.InstallMode == "AllUsers"
    StrCpy $PlugIns "$COMMONFILES64"
    StrCpy $PathKey "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
    StrCpy $PathRoot 0x80000002
  ${Else}
    StrCpy $PlugIns "$LOCALAPPDATA\Programs\Common"
    StrCpy $PathKey "Environment"
    StrCpy $PathRoot 0x80000001
  ${EndIf}
!macroend

Function ChooseFolders
  !insertmacro ChooseFolders
FunctionEnd

Function un.ChooseFolders
  !insertmacro ChooseFolders
FunctionEnd

; $0 becomes the search path, $1 "whole", "none", or "long" if it doesn't fit a string of the installer, so that
; writing it back would cut it off.
!macro ReadPath
  System::Call 'advapi32::RegGetValueW(p $PathRoot, w "$PathKey", w "Path", i 0x10000006, p 0, p 0, *i 0 r2) i .r3'
  StrLen $4 "$INSTDIR"
  IntOp $4 ${NSIS_MAX_STRLEN} - $4
  IntOp $4 $4 - 2
  IntOp $4 $4 * 2
  StrCpy $0 ""
  ${If} $3 == 2
    StrCpy $1 "none"
  ${ElseIf} $3 != 0
  ${OrIf} $2 > $4
    StrCpy $1 "long"
  ${Else}
    StrCpy $1 "whole"
    ReadRegStr $0 SHCTX "$PathKey" "Path"
  ${EndIf}
!macroend

!macro WritePath
  WriteRegExpandStr SHCTX "$PathKey" "Path" "$0"
  SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=5000
!macroend

!macro Opens KIND
  WriteRegStr SHCTX "${OPENER}\SupportedTypes" ".${KIND}" ""
!macroend

Section "Command and standalone"
  SectionIn RO
  ; What an older version had and this one hasn't must go.
  ReadRegStr $0 SHCTX "${REGISTRY}" "Folder"
  ${If} $0 != ""
  ${AndIf} ${FileExists} "$0\uninstall.exe"
    ExecWait '"$0\uninstall.exe" /S /$MultiUser.InstallMode _?=$0'
  ${EndIf}
  !insertmacro InstallProgram
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\unweave-standalone.exe" "" "$INSTDIR\unweave.ico"
  ; Songs are opened with it from their menu, and no program that opened them before is put aside.
  WriteRegStr SHCTX "${OPENER}" "FriendlyAppName" "${NAME}"
  WriteRegStr SHCTX "${OPENER}\shell\open\command" "" '"$INSTDIR\unweave-standalone.exe" "%1"'
  !insertmacro Opens flac
  !insertmacro Opens wav
  !insertmacro Opens mp3
  !insertmacro Opens m4a
  !insertmacro Opens aac
  !insertmacro Opens ogg
  !insertmacro Opens opus
  !insertmacro Opens aif
  !insertmacro Opens aiff
  WriteRegStr SHCTX "${REGISTRY}" "Folder" "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL}" "DisplayName" "${NAME}"
  WriteRegStr SHCTX "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${UNINSTALL}" "Publisher" "The Unweave authors"
  WriteRegStr SHCTX "${UNINSTALL}" "DisplayIcon" "$INSTDIR\unweave.ico"
  WriteRegStr SHCTX "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe" /$MultiUser.InstallMode'
  WriteRegStr SHCTX "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S /$MultiUser.InstallMode'
  WriteRegDWORD SHCTX "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD SHCTX "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  IntFmt $0 "0x%08X" $0
  WriteRegDWORD SHCTX "${UNINSTALL}" "EstimatedSize" $0
SectionEnd

Section "VST3 plug-in"
  !insertmacro InstallVst3
SectionEnd

Section "CLAP plug-in"
  !insertmacro InstallClap
SectionEnd

Section /o "The command on the search path" SearchPath
  !insertmacro ReadPath
  ${If} $1 == "long"
    MessageBox MB_OK|MB_ICONINFORMATION "The search path is too long to be changed by this installer. Add $INSTDIR in the settings of Windows, under Environment Variables." /SD IDOK
  ${ElseIf} $0 == ""
    StrCpy $0 "$INSTDIR"
    !insertmacro WritePath
  ${Else}
    StrCpy $0 "$0;$INSTDIR"
    !insertmacro WritePath
  ${EndIf}
SectionEnd

Function .onInit
  SetRegView 64
  !insertmacro MULTIUSER_INIT
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/PATH" $1
  ${IfNot} ${Errors}
    SectionSetFlags ${SearchPath} ${SF_SELECTED}
  ${EndIf}
FunctionEnd

Function un.onInit
  SetRegView 64
  !insertmacro MULTIUSER_UNINIT
FunctionEnd

Section "Uninstall"
  !insertmacro ReadPath
  ${If} $1 == "whole"
    ${UnStrRep} $2 "$0" ";$INSTDIR" ""
    ${If} $2 == $INSTDIR
      DeleteRegValue SHCTX "$PathKey" "Path"
    ${ElseIf} $2 != $0
      StrCpy $0 $2
      !insertmacro WritePath
    ${EndIf}
  ${EndIf}
  Delete "$SMPROGRAMS\${NAME}.lnk"
  !insertmacro RemoveVst3
  !insertmacro RemoveClap
  Delete "$INSTDIR\uninstall.exe"
  !insertmacro RemoveProgram
  DeleteRegKey SHCTX "${OPENER}"
  DeleteRegKey SHCTX "${UNINSTALL}"
  DeleteRegKey SHCTX "${REGISTRY}"
SectionEnd
