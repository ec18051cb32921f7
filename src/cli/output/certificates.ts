import type { CertificateStatus } from '../../api/certificates.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import type { Column } from './table.ts';

type Certificates = Array<Column<CertificateStatus>>;

/** The columns of how it stands with certificates: all that is known, or the short of it. */
export function certificateColumns(style: Style, { isWhole }: { isWhole: boolean }): Certificates {
  const details: Certificates = [
    { heading: 'ISSUER', cell: ({ issuer = '' }) => issuer },
    { heading: 'SERIAL', cell: ({ serial = '' }) => serial },
    { heading: 'RENEWAL', cell: ({ nextRenewalAt }) => timeText(nextRenewalAt) },
    { heading: 'LAST-ATTEMPT', cell: ({ lastAttemptAt }) => timeText(lastAttemptAt) },
  ];
  return [
    { heading: 'DOMAIN', cell: ({ domain }) => domain },
    { heading: 'STATE', cell: ({ state }) => state, paint: (text) => paintState(style, text) },
    {
      heading: 'ALERT',
      cell: ({ alert }) => (alert === 'none' ? '' : alert),
      paint: (text, { alert }) =>
        alert === 'none' ? text : style(alert === 'critical' ? 'red' : 'yellow', text),
    },
    { heading: 'ENDS', cell: ({ notAfter }) => timeText(notAfter) },
    ...(isWhole ? details : []),
    { heading: 'REASON', cell: reasonText },
    { heading: 'WHAT-TO-DO', cell: ({ whatToDo = '' }) => whatToDo },
  ];
}

function reasonText({ reason, reasonCode, alertReason }: CertificateStatus): string {
  const code = reasonCode === undefined ? '' : ` (${reasonCode})`;
  return `${reason}${code}${alertReason === undefined ? '' : `; ${alertReason}`}`;
}

function timeText(time: string | undefined): string {
  return time?.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC') ?? '';
}
