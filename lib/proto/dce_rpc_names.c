/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and their operations, by number, from Microsoft's open specifications (MS-SCMR,
 * MS-SAMR, MS-DRSR, MS-RRP, MS-SRVS, MS-LSAD, MS-NRPC, MS-TSCH, MS-WKST, MS-DCOM, MS-WMI, MS-EFSR,
 * MS-RPRN, MS-PAR, MS-DFSNM, MS-FSRVP, MS-ICPR, MS-WCCE, MS-BKRP, MS-GKDI, MS-EVEN6, MS-DNSP,
 * MS-FASP, MS-RSP) and C706. One string an interface: names in order, commas between, nothing where
 * a number has no name.
 */
#include "dce_rpc.h"

struct interface {
    uint8_t uuid[16]; /* as on the wire: three little-endian groups, then bytes */
    const char *name;
    const char *operations;
};

#define U(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                                 \
    {                                                                                              \
        (a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff, (b)&0xff, (b) >> 8,       \
            (c)&0xff, (c) >> 8, d0, d1, d2, d3, d4, d5, d6, d7                                     \
    }
#define COM(a) U(a, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46)

#define WBEM_SERVICES                                                                              \
    ",,,OpenNamespace,CancelAsyncCall,QueryObjectSink,GetObject,GetObjectAsync,PutClass,"          \
    "PutClassAsync,DeleteClass,DeleteClassAsync,CreateClassEnum,CreateClassEnumAsync,"             \
    "PutInstance,PutInstanceAsync,DeleteInstance,DeleteInstanceAsync,CreateInstanceEnum,"          \
    "CreateInstanceEnumAsync,ExecQuery,ExecQueryAsync,ExecNotificationQuery,"                      \
    "ExecNotificationQueryAsync,ExecMethod,ExecMethodAsync"
#define EFS                                                                                        \
    "EfsRpcOpenFileRaw,EfsRpcReadFileRaw,EfsRpcWriteFileRaw,EfsRpcCloseRaw,EfsRpcEncryptFileSrv,"  \
    "EfsRpcDecryptFileSrv,EfsRpcQueryUsersOnFile,EfsRpcQueryRecoveryAgents,"                       \
    "EfsRpcRemoveUsersFromFile,EfsRpcAddUsersToFile,,EfsRpcNotSupported,EfsRpcFileKeyInfo,"        \
    "EfsRpcDuplicateEncryptionInfoFile,,EfsRpcAddUsersToFileEx,EfsRpcFileKeyInfoEx,,"              \
    "EfsRpcGetEncryptedFileMetadata,EfsRpcSetEncryptedFileMetadata,EfsRpcFlushEfsCache,"           \
    "EfsRpcEncryptFileExSrv,EfsRpcQueryProtectors"

static const struct interface interfaces[] = {
    {U(0x367abb81, 0x9844, 0x35f1, 0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03), "svcctl",
        "CloseServiceHandle,ControlService,DeleteService,LockServiceDatabase,"
        "QueryServiceObjectSecurity,SetServiceObjectSecurity,QueryServiceStatus,SetServiceStatus,"
        "UnlockServiceDatabase,NotifyBootConfigStatus,SetServiceBitsW,ChangeServiceConfigW,"
        "CreateServiceW,EnumDependentServicesW,EnumServicesStatusW,OpenSCManagerW,OpenServiceW,"
        "QueryServiceConfigW,QueryServiceLockStatusW,StartServiceW,GetServiceDisplayNameW,"
        "GetServiceKeyNameW,SetServiceBitsA,ChangeServiceConfigA,CreateServiceA,"
        "EnumDependentServicesA,EnumServicesStatusA,OpenSCManagerA,OpenServiceA,"
        "QueryServiceConfigA,QueryServiceLockStatusA,StartServiceA,GetServiceDisplayNameA,"
        "GetServiceKeyNameA,GetCurrentGroupStateW,EnumServiceGroupW,ChangeServiceConfig2A,"
        "ChangeServiceConfig2W,QueryServiceConfig2A,QueryServiceConfig2W,QueryServiceStatusEx,"
        "EnumServicesStatusExA,EnumServicesStatusExW,SendTSMessage,CreateServiceWOW64A,"
        "CreateServiceWOW64W,QueryServiceTagInfo,NotifyServiceStatusChange,GetNotifyResult,"
        "CloseNotifyHandle,ControlServiceExA,ControlServiceExW,,,,,QueryServiceConfigEx,,,,"
        "CreateWowService,,,,OpenSCManager2"},
    {U(0x1ff70682, 0x0a51, 0x30e8, 0x07, 0x6d, 0x74, 0x0b, 0xe8, 0xce, 0xe9, 0x8b), "atsvc",
        "NetrJobAdd,NetrJobDel,NetrJobEnum,NetrJobGetInfo"},
    {U(0x86d35949, 0x83c9, 0x4044, 0xb4, 0x24, 0xdb, 0x36, 0x32, 0x31, 0xfd, 0x0c),
        "ITaskSchedulerService",
        "SchRpcHighestVersion,SchRpcRegisterTask,SchRpcRetrieveTask,SchRpcCreateFolder,"
        "SchRpcSetSecurity,SchRpcGetSecurity,SchRpcEnumFolders,SchRpcEnumTasks,"
        "SchRpcEnumInstances,SchRpcGetInstanceInfo,SchRpcStopInstance,SchRpcStop,SchRpcRun,"
        "SchRpcDelete,SchRpcRename,SchRpcScheduledRuntimes,SchRpcGetLastRunInfo,"
        "SchRpcGetTaskInfo,SchRpcGetNumberOfMissedRuns,SchRpcEnableTask"},
    {U(0x12345778, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac), "samr",
        "SamrConnect,SamrCloseHandle,SamrSetSecurityObject,SamrQuerySecurityObject,"
        "SamrShutdownSamServer,SamrLookupDomainInSamServer,SamrEnumerateDomainsInSamServer,"
        "SamrOpenDomain,SamrQueryInformationDomain,SamrSetInformationDomain,"
        "SamrCreateGroupInDomain,SamrEnumerateGroupsInDomain,SamrCreateUserInDomain,"
        "SamrEnumerateUsersInDomain,SamrCreateAliasInDomain,SamrEnumerateAliasesInDomain,"
        "SamrGetAliasMembership,SamrLookupNamesInDomain,SamrLookupIdsInDomain,SamrOpenGroup,"
        "SamrQueryInformationGroup,SamrSetInformationGroup,SamrAddMemberToGroup,"
        "SamrDeleteGroup,SamrRemoveMemberFromGroup,SamrGetMembersInGroup,"
        "SamrSetMemberAttributesOfGroup,SamrOpenAlias,SamrQueryInformationAlias,"
        "SamrSetInformationAlias,SamrDeleteAlias,SamrAddMemberToAlias,"
        "SamrRemoveMemberFromAlias,SamrGetMembersInAlias,SamrOpenUser,SamrDeleteUser,"
        "SamrQueryInformationUser,SamrSetInformationUser,SamrChangePasswordUser,"
        "SamrGetGroupsForUser,SamrQueryDisplayInformation,SamrGetDisplayEnumerationIndex,,,"
        "SamrGetUserDomainPasswordInformation,SamrRemoveMemberFromForeignDomain,"
        "SamrQueryInformationDomain2,SamrQueryInformationUser2,SamrQueryDisplayInformation2,"
        "SamrGetDisplayEnumerationIndex2,SamrCreateUser2InDomain,SamrQueryDisplayInformation3,"
        "SamrAddMultipleMembersToAlias,SamrRemoveMultipleMembersFromAlias,"
        "SamrOemChangePasswordUser2,SamrUnicodeChangePasswordUser2,"
        "SamrGetDomainPasswordInformation,SamrConnect2,SamrSetInformationUser2,,,,"
        "SamrConnect4,,SamrConnect5,SamrRidToSid,SamrSetDSRMPassword,SamrValidatePassword"},
    {U(0xe3514235, 0x4b06, 0x11d1, 0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2), "drsuapi",
        "DRSBind,DRSUnbind,DRSReplicaSync,DRSGetNCChanges,DRSUpdateRefs,DRSReplicaAdd,"
        "DRSReplicaDel,DRSReplicaModify,DRSVerifyNames,DRSGetMemberships,DRSInterDomainMove,"
        "DRSGetNT4ChangeLog,DRSCrackNames,DRSWriteSPN,DRSRemoveDsServer,DRSRemoveDsDomain,"
        "DRSDomainControllerInfo,DRSAddEntry,DRSExecuteKCC,DRSGetReplInfo,DRSAddSidHistory,"
        "DRSGetMemberships2,DRSReplicaVerifyObjects,DRSGetObjectExistence,DRSQuerySitesByCost,"
        "DRSInitDemotion,DRSReplicaDemotion,DRSFinishDemotion,DRSAddCloneDC,DRSWriteNgcKey,"
        "DRSReadNgcKey"},
    {U(0x338cd001, 0x2244, 0x31f1, 0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03), "winreg",
        "OpenClassesRoot,OpenCurrentUser,OpenLocalMachine,OpenPerformanceData,OpenUsers,"
        "BaseRegCloseKey,BaseRegCreateKey,BaseRegDeleteKey,BaseRegDeleteValue,BaseRegEnumKey,"
        "BaseRegEnumValue,BaseRegFlushKey,BaseRegGetKeySecurity,BaseRegLoadKey,,BaseRegOpenKey,"
        "BaseRegQueryInfoKey,BaseRegQueryValue,BaseRegReplaceKey,BaseRegRestoreKey,"
        "BaseRegSaveKey,BaseRegSetKeySecurity,BaseRegSetValue,BaseRegUnLoadKey,,,"
        "BaseRegGetVersion,OpenCurrentConfig,,BaseRegQueryMultipleValues,,BaseRegSaveKeyEx,"
        "OpenPerformanceText,OpenPerformanceNlsText,BaseRegQueryMultipleValues2,"
        "BaseRegDeleteKeyEx"},
    {U(0x4b324fc8, 0x1670, 0x01d3, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88), "srvsvc",
        ",,,,,,,,NetrConnectionEnum,NetrFileEnum,NetrFileGetInfo,NetrFileClose,NetrSessionEnum,"
        "NetrSessionDel,NetrShareAdd,NetrShareEnum,NetrShareGetInfo,NetrShareSetInfo,"
        "NetrShareDel,NetrShareDelSticky,NetrShareCheck,NetrServerGetInfo,NetrServerSetInfo,"
        "NetrServerDiskEnum,NetrServerStatisticsGet,NetrServerTransportAdd,"
        "NetrServerTransportEnum,NetrServerTransportDel,NetrRemoteTOD,,NetprPathType,"
        "NetprPathCanonicalize,NetprPathCompare,NetprNameValidate,NetprNameCanonicalize,"
        "NetprNameCompare,NetrShareEnumSticky,NetrShareDelStart,NetrShareDelCommit,"
        "NetrpGetFileSecurity,NetrpSetFileSecurity,NetrServerTransportAddEx,,"
        "NetrDfsGetVersion"},
    {U(0x6bffd098, 0xa112, 0x3610, 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a), "wkssvc",
        "NetrWkstaGetInfo,NetrWkstaSetInfo,NetrWkstaUserEnum,,,NetrWkstaTransportEnum,"
        "NetrWkstaTransportAdd,NetrWkstaTransportDel,NetrUseAdd,NetrUseGetInfo,NetrUseDel,"
        "NetrUseEnum,,NetrWorkstationStatisticsGet,,,,,,,NetrGetJoinInformation,,"
        "NetrJoinDomain2,NetrUnjoinDomain2,NetrRenameMachineInDomain2,NetrValidateName2,"
        "NetrGetJoinableOUs2,NetrAddAlternateComputerName,NetrRemoveAlternateComputerName,"
        "NetrSetPrimaryComputerName,NetrEnumerateComputerNames"},
    {U(0x12345778, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab), "lsarpc",
        "LsarClose,,LsarEnumeratePrivileges,LsarQuerySecurityObject,LsarSetSecurityObject,,"
        "LsarOpenPolicy,LsarQueryInformationPolicy,LsarSetInformationPolicy,,"
        "LsarCreateAccount,LsarEnumerateAccounts,LsarCreateTrustedDomain,"
        "LsarEnumerateTrustedDomains,LsarLookupNames,LsarLookupSids,LsarCreateSecret,"
        "LsarOpenAccount,LsarEnumeratePrivilegesAccount,LsarAddPrivilegesToAccount,"
        "LsarRemovePrivilegesFromAccount,,,LsarGetSystemAccessAccount,"
        "LsarSetSystemAccessAccount,LsarOpenTrustedDomain,LsarQueryInfoTrustedDomain,"
        "LsarSetInformationTrustedDomain,LsarOpenSecret,LsarSetSecret,LsarQuerySecret,"
        "LsarLookupPrivilegeValue,LsarLookupPrivilegeName,LsarLookupPrivilegeDisplayName,"
        "LsarDeleteObject,LsarEnumerateAccountsWithUserRight,LsarEnumerateAccountRights,"
        "LsarAddAccountRights,LsarRemoveAccountRights,LsarQueryTrustedDomainInfo,"
        "LsarSetTrustedDomainInfo,LsarDeleteTrustedDomain,LsarStorePrivateData,"
        "LsarRetrievePrivateData,LsarOpenPolicy2,LsarGetUserName,LsarQueryInformationPolicy2,"
        "LsarSetInformationPolicy2,LsarQueryTrustedDomainInfoByName,"
        "LsarSetTrustedDomainInfoByName,LsarEnumerateTrustedDomainsEx,"
        "LsarCreateTrustedDomainEx,,LsarQueryDomainInformationPolicy,"
        "LsarSetDomainInformationPolicy,LsarOpenTrustedDomainByName,,LsarLookupSids2,"
        "LsarLookupNames2,LsarCreateTrustedDomainEx2,,,,,,,,,LsarLookupNames3,,,,,"
        "LsarQueryForestTrustInformation,LsarSetForestTrustInformation,,LsarLookupSids3,"
        "LsarLookupNames4"},
    {U(0x12345678, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb), "netlogon",
        "NetrLogonUasLogon,NetrLogonUasLogoff,NetrLogonSamLogon,NetrLogonSamLogoff,"
        "NetrServerReqChallenge,NetrServerAuthenticate,NetrServerPasswordSet,"
        "NetrDatabaseDeltas,NetrDatabaseSync,,,NetrGetDCName,NetrLogonControl,"
        "NetrGetAnyDCName,NetrLogonControl2,NetrServerAuthenticate2,NetrDatabaseSync2,"
        "NetrDatabaseRedo,NetrLogonControl2Ex,NetrEnumerateTrustedDomains,DsrGetDcName,"
        "NetrLogonGetCapabilities,NetrLogonSetServiceBits,NetrLogonGetTrustRid,"
        "NetrLogonComputeServerDigest,NetrLogonComputeClientDigest,NetrServerAuthenticate3,"
        "DsrGetDcNameEx,DsrGetSiteName,NetrLogonGetDomainInfo,NetrServerPasswordSet2,"
        "NetrServerPasswordGet,NetrLogonSendToSam,DsrAddressToSiteNamesW,DsrGetDcNameEx2,"
        "NetrLogonGetTimeServiceParentDomain,NetrEnumerateTrustedDomainsEx,"
        "DsrAddressToSiteNamesExW,DsrGetDcSiteCoverageW,NetrLogonSamLogonEx,"
        "DsrEnumerateDomainTrusts,DsrDeregisterDnsHostRecords,NetrServerTrustPasswordsGet,"
        "DsrGetForestTrustInformation,NetrGetForestTrustInformation,"
        "NetrLogonSamLogonWithFlags,NetrServerGetTrustInfo"},
    {U(0xe1af8308, 0x5d1f, 0x11c9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa), "epmapper",
        "ept_insert,ept_delete,ept_lookup,ept_map,ept_lookup_handle_free,ept_inq_object,"
        "ept_mgmt_delete"},
    {U(0x12345678, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab), "spoolss",
        "RpcEnumPrinters,RpcOpenPrinter,RpcSetJob,RpcGetJob,RpcEnumJobs,RpcAddPrinter,"
        "RpcDeletePrinter,RpcSetPrinter,RpcGetPrinter,RpcAddPrinterDriver,"
        "RpcEnumPrinterDrivers,RpcGetPrinterDriver,RpcGetPrinterDriverDirectory,"
        "RpcDeletePrinterDriver,RpcAddPrintProcessor,RpcEnumPrintProcessors,"
        "RpcGetPrintProcessorDirectory,RpcStartDocPrinter,RpcStartPagePrinter,"
        "RpcWritePrinter,RpcEndPagePrinter,RpcAbortPrinter,RpcReadPrinter,RpcEndDocPrinter,"
        "RpcAddJob,RpcScheduleJob,RpcGetPrinterData,RpcSetPrinterData,"
        "RpcWaitForPrinterChange,RpcClosePrinter,RpcAddForm,RpcDeleteForm,RpcGetForm,RpcSetForm,"
        "RpcEnumForms,RpcEnumPorts,RpcEnumMonitors,,,RpcDeletePort,RpcCreatePrinterIC,"
        "RpcPlayGdiScriptOnPrinterIC,RpcDeletePrinterIC,,,,RpcAddMonitor,RpcDeleteMonitor,"
        "RpcDeletePrintProcessor,,,RpcEnumPrintProcessorDatatypes,RpcResetPrinter,"
        "RpcGetPrinterDriver2,,,RpcFindClosePrinterChangeNotification,,"
        "RpcReplyOpenPrinter,RpcRouterReplyPrinter,RpcReplyClosePrinter,RpcAddPortEx,"
        "RpcRemoteFindFirstPrinterChangeNotification,,,"
        "RpcRemoteFindFirstPrinterChangeNotificationEx,RpcRouterReplyPrinterEx,"
        "RpcRouterRefreshPrinterChangeNotification,,RpcOpenPrinterEx,RpcAddPrinterEx,RpcSetPort,"
        "RpcEnumPrinterData,RpcDeletePrinterData,,,,RpcSetPrinterDataEx,RpcGetPrinterDataEx,"
        "RpcEnumPrinterDataEx,RpcEnumPrinterKey,RpcDeletePrinterDataEx,RpcDeletePrinterKey,,"
        "RpcDeletePrinterDriverEx,RpcAddPerMachineConnection,RpcDeletePerMachineConnection,"
        "RpcEnumPerMachineConnections,RpcXcvData,RpcAddPrinterDriverEx"},
    {U(0x3919286a, 0xb10c, 0x11d0, 0x9b, 0xa8, 0x00, 0xc0, 0x4f, 0xd9, 0x2e, 0xf5), "dssetup",
        "DsRolerGetPrimaryDomainInformation"},
    {U(0x894de0c0, 0x0d55, 0x11d3, 0xa3, 0x22, 0x00, 0xc0, 0x4f, 0xa3, 0x21, 0xa1), "initshutdown",
        "BaseInitiateShutdown,BaseAbortShutdown,BaseInitiateShutdownEx"},
    {U(0x82273fdc, 0xe32a, 0x18c3, 0x3f, 0x78, 0x82, 0x79, 0x29, 0xdc, 0x23, 0xea), "eventlog",
        "ElfrClearELFW,ElfrBackupELFW,ElfrCloseEL,ElfrDeregisterEventSource,"
        "ElfrNumberOfRecords,ElfrOldestRecord,ElfrChangeNotify,ElfrOpenELW,"
        "ElfrRegisterEventSourceW,ElfrOpenBELW,ElfrReadELW,ElfrReportEventW"},
    {U(0xc681d488, 0xd850, 0x11d0, 0x8c, 0x52, 0x00, 0xc0, 0x4f, 0xd9, 0x0f, 0x7e), "efsrpc", EFS},
    {U(0xdf1941c5, 0xfe89, 0x4e79, 0xbf, 0x10, 0x46, 0x36, 0x57, 0xac, 0xf4, 0x4d), "efsrpc", EFS},
    {COM(0x000001a0), "ISystemActivator", ",,,RemoteGetClassObject,RemoteCreateInstance"},
    {U(0x4d9f4ab8, 0x7d1c, 0x11cf, 0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57), "IActivation",
        "RemoteActivation"},
    {U(0x99fcfec4, 0x5260, 0x101b, 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a), "IOXIDResolver",
        "ResolveOxid,SimplePing,ComplexPing,ServerAlive,ResolveOxid2,ServerAlive2"},
    {COM(0x00000131), "IRemUnknown", ",,,RemQueryInterface,RemAddRef,RemRelease"},
    {COM(0x00000143), "IRemUnknown2",
        ",,,RemQueryInterface,RemAddRef,RemRelease,RemQueryInterface2"},
    {COM(0x00000001), "IClassFactory", ",,,CreateInstance,LockServer"},
    {COM(0x00020401), "ITypeInfo",
        ",,,GetTypeAttr,GetTypeComp,GetFuncDesc,GetVarDesc,GetNames,GetRefTypeOfImplType,"
        "GetImplTypeFlags,,,GetDocumentation"},
    {U(0x44aca675, 0xe8fc, 0x11d0, 0xa0, 0x7c, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20),
        "IWbemCallResult", ",,,GetResultObject,GetResultString,GetResultServices,GetCallStatus"},
    {COM(0x00020400), "IDispatch", ",,,GetTypeInfoCount,GetTypeInfo,GetIDsOfNames,Invoke"},
    {U(0x9556dc99, 0x828c, 0x11cf, 0xa3, 0x7e, 0x00, 0xaa, 0x00, 0x32, 0x40, 0xc7), "IWbemServices",
        WBEM_SERVICES},
    {U(0xf309ad18, 0xd86a, 0x11d0, 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20),
        "IWbemLevel1Login", ",,,EstablishPosition,RequestChallenge,WBEMLogin,NTLMLogin"},
    {U(0xd4781cd6, 0xe5d3, 0x44df, 0xad, 0x94, 0x93, 0x0e, 0xfe, 0x48, 0xa8, 0x87),
        "IWbemLoginClientID", ",,,SetClientInfo"},
    {U(0x1c1c45ee, 0x4395, 0x11d2, 0xb6, 0x0b, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd),
        "IWbemFetchSmartEnum", ",,,GetSmartEnum"},
    {U(0x423ec01e, 0x2e35, 0x11d2, 0xb6, 0x04, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd),
        "IWbemWCOSmartEnum", ",,,Next"},
    {U(0x027947e1, 0xd731, 0x11ce, 0xa3, 0x57, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01),
        "IEnumWbemClassObject", ",,,Reset,Next,NextAsync,Clone,Skip"},
    {U(0x76f03f96, 0xcdfd, 0x44fc, 0xa2, 0x2c, 0x64, 0x95, 0x0a, 0x00, 0x12, 0x09),
        "IRemoteWinspool",
        "RpcAsyncOpenPrinter,RpcAsyncAddPrinter,,,,,,,,,,,,,,,,,,,RpcAsyncClosePrinter,,,,,,,,,,,,,"
        ","
        ",,,,RpcAsyncEnumPrinters,RpcAsyncAddPrinterDriver,RpcAsyncEnumPrinterDrivers,"
        "RpcAsyncGetPrinterDriverDirectory,RpcAsyncDeletePrinterDriver,"
        "RpcAsyncDeletePrinterDriverEx"},
    {U(0x4fc742e0, 0x4a10, 0x11cf, 0x82, 0x73, 0x00, 0xaa, 0x00, 0x4a, 0xe6, 0x73), "netdfs",
        "NetrDfsManagerGetVersion,NetrDfsAdd,NetrDfsRemove,NetrDfsSetInfo,NetrDfsGetInfo,"
        "NetrDfsEnum,NetrDfsMove,,,,NetrDfsAddFtRoot,NetrDfsRemoveFtRoot,NetrDfsAddStdRoot,"
        "NetrDfsRemoveStdRoot,NetrDfsManagerInitialize,NetrDfsAddStdRootForced,"
        "NetrDfsGetDcAddress,NetrDfsSetDcAddress,NetrDfsFlushFtTable,NetrDfsAdd2,"
        "NetrDfsRemove2,NetrDfsEnumEx,NetrDfsSetInfo2,NetrDfsAddRootTarget,"
        "NetrDfsRemoveRootTarget,NetrDfsGetSupportedNamespaceVersion"},
    {U(0xa8e0653c, 0x2744, 0x4389, 0xa6, 0x1d, 0x73, 0x73, 0xdf, 0x8b, 0x22, 0x92),
        "FileServerVssAgent",
        "GetSupportedVersion,SetContext,StartShadowCopySet,AddToShadowCopySet,"
        "CommitShadowCopySet,ExposeShadowCopySet,RecoveryCompleteShadowCopySet,"
        "AbortShadowCopySet,IsPathSupported,IsPathShadowCopied,GetShareMapping,"
        "DeleteShareMapping,PrepareShadowCopySet"},
    {U(0x91ae6020, 0x9e3c, 0x11cf, 0x8d, 0x7c, 0x00, 0xaa, 0x00, 0xc0, 0x91, 0xbe), "ICertPassage",
        "CertServerRequest"},
    {U(0xd99e6e70, 0xfc88, 0x11d0, 0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3), "ICertRequestD",
        ",,,Request,GetCACert,Ping"},
    {U(0x5422fd3a, 0xd4b8, 0x4cef, 0xa1, 0x2e, 0xe8, 0x7d, 0x4c, 0xa2, 0x2e, 0x90),
        "ICertRequestD2",
        ",,,Request,GetCACert,Ping,Request2,GetCAProperty,GetCAPropertyInfo,Ping2"},
    {U(0x3dde7c30, 0x165d, 0x11d1, 0xab, 0x8f, 0x00, 0x80, 0x5f, 0x14, 0xdb, 0x40), "BackupKey",
        "BackuprKey"},
    {U(0xb9785960, 0x524f, 0x11df, 0x8b, 0x6d, 0x83, 0xdc, 0xde, 0xd7, 0x20, 0x85), "ISDKey",
        "GetKey"},
    {U(0xf6beaff7, 0x1e19, 0x4fbb, 0x9f, 0x8f, 0xb8, 0x9e, 0x20, 0x18, 0x33, 0x7c), "IEventService",
        "EvtRpcRegisterRemoteSubscription,EvtRpcRemoteSubscriptionNextAsync,"
        "EvtRpcRemoteSubscriptionNext,EvtRpcRemoteSubscriptionWaitAsync,"
        "EvtRpcRegisterControllableOperation,EvtRpcRegisterLogQuery,EvtRpcClearLog,"
        "EvtRpcExportLog,EvtRpcLocalizeExportLog,EvtRpcMessageRender,"
        "EvtRpcMessageRenderDefault,EvtRpcQueryNext,EvtRpcQuerySeek,EvtRpcClose,EvtRpcCancel,"
        "EvtRpcAssertConfig,EvtRpcRetractConfig,EvtRpcOpenLogHandle,EvtRpcGetLogFileInfo,"
        "EvtRpcGetChannelList,EvtRpcGetChannelConfig,EvtRpcPutChannelConfig"},
    {U(0x50abc2a4, 0x574d, 0x40b3, 0x9d, 0x66, 0xee, 0x4f, 0xd5, 0xfb, 0xa0, 0x76), "DnsServer",
        "R_DnssrvOperation,R_DnssrvQuery,R_DnssrvComplexOperation,R_DnssrvEnumRecords,"
        "R_DnssrvUpdateRecord,R_DnssrvOperation2,R_DnssrvQuery2,R_DnssrvComplexOperation2,"
        "R_DnssrvEnumRecords2,R_DnssrvUpdateRecord2"},
    {U(0x378e52b0, 0xc0a9, 0x11cf, 0x82, 0x2d, 0x00, 0xaa, 0x00, 0x51, 0xe4, 0x0f), "sasec",
        "SASetAccountInformation,SASetNSAccountInformation,SAGetNSAccountInformation,"
        "SAGetAccountInformation"},
    {U(0xd95afe70, 0xa6d5, 0x4259, 0x82, 0x2e, 0x2c, 0x84, 0xda, 0x1d, 0xdb, 0x0d),
        "WindowsShutdown", "WsdrInitiateShutdown,WsdrAbortShutdown"},
    {U(0x6b5bdd1e, 0x528c, 0x422c, 0xaf, 0x8c, 0xa4, 0x07, 0x9b, 0xe4, 0xfe, 0x48), "RemoteFW",
        "RRPC_FWOpenPolicyStore,RRPC_FWClosePolicyStore,RRPC_FWRestoreDefaults,"
        "RRPC_FWGetGlobalConfig,RRPC_FWSetGlobalConfig,RRPC_FWAddFirewallRule,"
        "RRPC_FWSetFirewallRule,RRPC_FWDeleteFirewallRule,RRPC_FWDeleteAllFirewallRules,"
        "RRPC_FWEnumFirewallRules"},
    {U(0xafa8bd80, 0x7d8a, 0x11c9, 0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89), "mgmt",
        "inq_if_ids,inq_stats,is_server_listening,stop_server_listening,inq_princ_name"},
    {U(0x7c44d7d4, 0x31d5, 0x424c, 0xbd, 0x5e, 0x2b, 0x3e, 0x1f, 0x32, 0x3d, 0x22), "dsaop",
        "DSAPrepareScript,DSAExecuteScript"},
    {U(0x8d9f4e40, 0xa03d, 0x11ce, 0x8f, 0x69, 0x08, 0x00, 0x3e, 0x30, 0x05, 0x1b), "plugplay", ""},
    {U(0x5a7b91f8, 0xff00, 0x11d0, 0xa9, 0xb2, 0x00, 0xc0, 0x4f, 0xb6, 0xe6, 0xfc), "msgsvc", ""},
    {U(0x300f3532, 0x38cc, 0x11d0, 0xa3, 0xf0, 0x00, 0x20, 0xaf, 0x6b, 0x0a, 0xdd), "trkwks", ""},
    {U(0xf5cc5a18, 0x4264, 0x101a, 0x8c, 0x59, 0x08, 0x00, 0x2b, 0x2f, 0x84, 0x26), "nspi", ""},
    {U(0xf5cc59b4, 0x4264, 0x101a, 0x8c, 0x59, 0x08, 0x00, 0x2b, 0x2f, 0x84, 0x26), "frsrpc", ""},
    {U(0x897e2e5f, 0x93f3, 0x4376, 0x9c, 0x9c, 0xfd, 0x22, 0x77, 0x49, 0x5c, 0x27), "frstrans", ""},
};

static const struct interface *find(const uint8_t uuid[16])
{
    for (size_t i = 0; i < TH_ARRAY_LEN(interfaces); i++)
        if (memcmp(interfaces[i].uuid, uuid, 16) == 0)
            return &interfaces[i];
    return NULL;
}

const char *th_dce_rpc_interface(const uint8_t uuid[16])
{
    const struct interface *i = find(uuid);
    return i ? i->name : NULL;
}

struct th_str th_dce_rpc_operation(const uint8_t uuid[16], unsigned opnum)
{
    const struct interface *i = find(uuid);
    struct th_str rest = th_str_c(i ? i->operations : "");
    struct th_str name = th_str_c("");
    for (unsigned n = 0; n <= opnum; n++) {
        if (!rest.len)
            return rest;
        name = th_str_split(&rest, ',');
    }
    return name;
}
